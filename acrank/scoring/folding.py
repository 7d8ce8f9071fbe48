"""Fold BatchNorm into the convolutions before it, for passes in eval mode.

In eval mode BatchNorm multiplies each channel by a constant and adds another, which the convolution
before it can do as well: the pass over its output, a fifth to a third of the time of a network on a
CPU, falls away. What may be folded is seen in a pass over one image and not guessed from names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# Layers whose output is linear in their weights, by channels, whatever is padded before.
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, Conv2dSame)
# Greatest difference of features that rounding explains, as a share of their largest value: of
# single precision, and of arithmetic with eight bits.
_ROUNDING = {torch.float32: 1e-3, torch.bfloat16: 0.1}

# Runs the network on one image, and returns its features: one tensor, or maps of several scales.
Run = Callable[[], Iterable[Tensor]]


@dataclass(frozen=True)
class Pair:
    """A convolution whose output goes into one BatchNorm layer and nowhere else.

    Attributes:
        conv: the convolution.
        norm: the BatchNorm layer.
        dtype: of what the convolution gives: that of autocast, where it runs under it.
    """

    conv: nn.Module
    norm: _BatchNorm
    dtype: torch.dtype


@contextmanager
def folded(model: nn.Module, run: Run) -> Iterator[int]:
    """Fold what can be folded within the block; afterwards the network is as it was.

    Folding is checked: where features of one image differ by more than rounding, nothing is folded.

    Args:
        model: in eval mode.
        run: runs it on one image as the block will, without gradients.

    Yields:
        The number of BatchNorm layers that are folded.
    """
    undo: list[Callable[[], None]] = []
    try:
        if not _fold_all(model, run, undo):
            _unfold(undo)
        yield len(undo)
    finally:
        _unfold(undo)


def _fold_all(model: nn.Module, run: Run, undo: list[Callable[[], None]]) -> bool:
    """Fold all pairs; returns whether the features of one image stay what they were."""
    try:
        pairs, before = foldable_pairs(model, run)
        for pair in pairs:
            undo.append(_fold(pair))
        return not pairs or _close(before, run(), max(_ROUNDING[pair.dtype] for pair in pairs))
    except Exception:  # a network that takes no single image is run as it is
        return False


def foldable_pairs(model: nn.Module, run: Run) -> tuple[list[Pair], Iterable[Tensor]]:
    """Find the pairs of convolution and BatchNorm that can be folded, in one pass.

    A pair counts where each layer has one turn in the pass, no code of others is attached to
    either, one operation alone reads the output of the convolution, that of the BatchNorm layer,
    and one alone each of their parameters. Operations are seen below Python, so that compiled
    parts of a network hide none.

    Args:
        model: in eval mode.
        run: runs it on one image.

    Returns:
        The pairs, and what the run gave.
    """
    convs = [m for m in model.modules() if type(m) in _CONVOLUTIONS and _is_untouched(m)]
    norms = [m for m in model.modules() if _is_plain_norm(m) and _is_untouched(m)]
    seen = _Turns()
    for module in (*convs, *norms):
        seen.reads.watch(*module.parameters(recurse=False))
    handles = [conv.register_forward_hook(seen.after) for conv in convs]
    handles += [norm.register_forward_pre_hook(seen.before) for norm in norms]
    try:
        with seen.reads:
            given = run()
    finally:
        for handle in handles:
            handle.remove()
    return list(seen.pairs()), given


class _Reads(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations that read some tensors."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count: Counter[int] = Counter()
        # held to the end of the pass, so that no other tensor gets the identity of one of them
        self.watched: dict[int, Tensor] = {}

    def watch(self, *tensors: Tensor) -> None:
        self.watched.update((id(tensor), tensor) for tensor in tensors)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for leaf in tree_leaves((args, kwargs or {})):
            if id(leaf) in self.watched:
                self.count[id(leaf)] += 1
        return func(*args, **(kwargs or {}))


class _Turns:
    """Which convolution gave what each BatchNorm layer took."""

    def __init__(self) -> None:
        self.reads = _Reads()
        self.turns: Counter[int] = Counter()
        self.given: dict[int, tuple[nn.Module, torch.dtype]] = {}
        self.taken: list[tuple[nn.Module, int]] = []

    def after(self, module: nn.Module, args: object, output: object) -> None:
        self.turns[id(module)] += 1
        if isinstance(output, Tensor):
            self.reads.watch(output)
            self.given[id(output)] = module, output.dtype

    def before(self, module: nn.Module, args: tuple[object, ...]) -> None:
        self.turns[id(module)] += 1
        # looked up now: the identity of a tensor that is freed may become another's
        if len(args) == 1 and id(args[0]) in self.given:
            self.taken.append((module, id(args[0])))

    def pairs(self) -> Iterator[Pair]:
        for norm, tensor in self.taken:
            conv, dtype = self.given[tensor]
            parameters = [p for m in (conv, norm) for p in m.parameters(recurse=False)]
            once = all(self.reads.count[read] == 1 for read in (tensor, *map(id, parameters)))
            if once and self.turns[id(norm)] == self.turns[id(conv)] == 1 and dtype in _ROUNDING:
                yield Pair(conv, cast(_BatchNorm, norm), dtype)


def _is_untouched(module: nn.Module) -> bool:
    """Return whether no hook and no other forward reads or changes what a layer takes or gives."""
    hooks = module._forward_hooks or module._forward_pre_hooks
    return not hooks and "forward" not in module.__dict__


def _is_plain_norm(module: nn.Module) -> bool:
    if not isinstance(module, _BatchNorm) or module.training:
        return False
    if module.running_mean is None or module.running_var is None:
        return False
    return type(module).forward in (_BatchNorm.forward, BatchNormAct2d.forward)


@torch.no_grad()
def _fold(pair: Pair) -> Callable[[], None]:
    """Fold one pair; returns what takes it back."""
    conv, norm = pair.conv, pair.norm
    weight, bias = conv._parameters["weight"], conv._parameters["bias"]
    assert weight is not None
    assert norm.running_var is not None
    assert norm.running_mean is not None

    # the factors in double precision; on the CPU, as not all devices have it
    def exact(values: Tensor) -> Tensor:
        return values.detach().cpu().double()

    scale = (exact(norm.running_var) + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * exact(norm.weight)
    shift = -exact(norm.running_mean) if bias is None else exact(bias) - exact(norm.running_mean)
    shift = shift * scale if norm.bias is None else shift * scale + exact(norm.bias)
    scaled = weight.detach() * scale.to(weight).view(-1, *[1] * (weight.dim() - 1))
    for name, values in {"weight": scaled, "bias": shift.to(weight)}.items():
        # already in the precision of autocast, which would convert them for every batch
        conv._parameters[name] = nn.Parameter(values.to(pair.dtype), requires_grad=False)
    norm.__dict__["forward"] = partial(_rest_of, norm)

    def undo() -> None:
        conv._parameters["weight"], conv._parameters["bias"] = weight, bias
        del norm.__dict__["forward"]

    return undo


def _rest_of(norm: nn.Module, images: Tensor) -> Tensor:
    """Do what a layer does besides normalising, in eval mode."""
    return norm.act(norm.drop(images)) if isinstance(norm, BatchNormAct2d) else images


def _unfold(undo: list[Callable[[], None]]) -> None:
    while undo:
        undo.pop()()


def _close(before: Iterable[Tensor], after: Iterable[Tensor], share: float) -> bool:
    """Return whether features agree, as a share of the largest of each tensor."""
    for one, other in zip(_maps(before), _maps(after), strict=True):
        size = one.float().abs().amax()
        # not "above", so that features that are not finite are never folded
        if not bool((one.float() - other.float()).abs().amax() <= share * size):
            return False
    return True


def _maps(features: Iterable[Tensor]) -> Iterable[Tensor]:
    return [features] if isinstance(features, Tensor) else features
