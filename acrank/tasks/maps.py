"""Make a network return feature maps: those that a head takes, and those that scores see."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from torch import Tensor, nn

from acrank.errors import ModelError
from acrank.tasks.segmenter import Segmenter, find_segmenter
from acrank.tasks.trace import Trace, trace
from acrank.utils.outputs import main_output

# How many scales the scores of features see.
SCALES = 3


class Maps(tuple[Tensor, ...]):
    """Feature maps (N, D, *T) of a batch for a head, finest first, and what goes with them.

    Attributes:
        seen: the maps that scores of features see, finest first.
        layers: what those are of.
        logits: (N, K, *T) over the source's classes; None without a source head of pixels.
        whole: whether they are of a whole segmenter, whose one map takes a fresh last convolution.
    """

    seen: tuple[Tensor, ...]
    layers: tuple[str, ...]
    logits: Tensor | None
    whole: bool

    @classmethod
    def of(
        cls,
        maps: Iterable[Tensor],
        seen: Iterable[Tensor],
        layers: tuple[str, ...],
        logits: Tensor | None = None,
        whole: bool = False,
    ) -> Self:
        """Maps with all that goes with them."""
        made = cls(maps)
        made.seen, made.layers, made.logits, made.whole = tuple(seen), layers, logits, whole
        return made

    def float(self) -> Self:
        """The same in full precision."""
        logits = None if self.logits is None else self.logits.float()
        seen = (m.float() for m in self.seen)
        return self.of((m.float() for m in self), seen, self.layers, logits, self.whole)


@dataclass(frozen=True)
class _Plan:
    """The layers whose outputs (or, of a segmenter's last convolution, input) are taken, and why.

    Attributes:
        maps: for the head, finest first.
        seen: for scores of features.
        segmenter: the parts of a whole segmenter; None for an encoder.
    """

    maps: tuple[str, ...]
    seen: tuple[str, ...]
    segmenter: Segmenter | None = None


def give_maps(
    model: nn.Module, input_size: Sequence[int], layers: Sequence[str] = (), scales: int = SCALES
) -> tuple[str, ...]:
    """Make a network return :class:`Maps` in place of pooled features or logits.

    Of an encoder: the last map at every scale that halves the one before, of the layers that timm
    names where it names some, or else of whichever module ends last at that scale; scores of
    features see the coarsest. Of a whole segmenter: the input of its last convolution, and what
    :func:`acrank.tasks.segmenter.find_segmenter` says.

    Args:
        model: maps images (N, C, *S) to anything; hooks are added.
        input_size: (channels, *S) of an image; the sides are multiples of 32.
        layers: names of those that scores of features see; none for the usual ones.
        scales: how many they see then, at most.

    Returns:
        The names of the modules whose maps the head takes.

    Raises:
        ModelError: an encoder of fewer than two scales, a segmenter without a last convolution,
            or a layer that the network does not have or that gives no map.
    """
    found = trace(model, input_size)
    plan = _plan(model, found, scales)
    if layers:
        plan = _Plan(plan.maps, _known(layers, found, plan.seen), plan.segmenter)
    _Catcher(plan, found.channels_last).attach(model)
    return plan.maps


def _plan(model: nn.Module, found: Trace, scales: int) -> _Plan:
    segmenter = find_segmenter(found, scales)
    if segmenter is not None:
        return _Plan((segmenter.last,), segmenter.seen, segmenter)
    by_stride = _scales(found, _timm_layers(model))
    names = tuple(by_stride[stride] for stride in sorted(by_stride))
    if len(names) < 2:
        raise ModelError(
            f"it has feature maps of {len(names)} scale(s), and a decoder needs two or more.",
            hint="Plain vision transformers have one scale. Leave the model out.",
        )
    return _Plan(names, names[-scales:])


def _scales(found: Trace, among: set[str]) -> dict[int, str]:
    """Find for each stride the module that ends last with a map of that scale."""
    return {
        s.stride: s.name for s in found.steps if s.stride and (s.name in among if among else s.once)
    }


def _timm_layers(model: nn.Module) -> set[str]:
    """The layers that timm takes feature maps from; none for other networks."""
    info = getattr(model, "feature_info", None)
    entries = getattr(info, "info", info)
    if not isinstance(entries, list | tuple):
        return set()
    named = {entry.get("module", "") for entry in entries if isinstance(entry, dict)}
    return named & {name for name, _ in model.named_modules()}


def _known(layers: Sequence[str], found: Trace, usual: Sequence[str]) -> tuple[str, ...]:
    """The layers asked for, each of which gives one map.

    Args:
        layers: their names.
        found: of the network.
        usual: what is seen without them, for the message.

    Raises:
        ModelError: one does not; names the nearest that do.
    """
    usable = {step.name for step in found.steps if step.shape and step.once}
    for name in layers:
        if name not in usable:
            near = difflib.get_close_matches(name, sorted(usable), n=3)
            hint = f"Did you mean {', '.join(near)}?" if near else f"Such as: {', '.join(usual)}."
            there = any(step.name == name for step in found.steps)
            what = "gives no single feature map" if there else "is none of its layers"
            raise ModelError(f"--layers: {name!r} {what}.", hint=hint)
    return tuple(layers)


class _Catcher:
    """Takes the maps of a plan out of each pass of a network.

    Args:
        plan: says which.
        channels_last: whether the network's maps have their channels last.
    """

    def __init__(self, plan: _Plan, channels_last: bool) -> None:
        self.plan = plan
        self.channels_last = channels_last
        self.caught: dict[str, Tensor] = {}
        self.armed: list[Any] = []

    def attach(self, model: nn.Module) -> None:
        """Make a network return its maps."""
        model.register_forward_pre_hook(self._arm)
        # before the hook that averages maps to one vector an image
        model.register_forward_hook(self._give, prepend=True)

    def _arm(self, module: nn.Module, args: object) -> None:
        self._disarm()
        # Layers are looked up anew: AC-Norm may have taken the place of a BatchNorm layer.
        outputs = {*self.plan.maps, *self.plan.seen}
        segmenter = self.plan.segmenter
        if segmenter is not None:
            outputs.discard(segmenter.last)
            self._before(module, segmenter.last)
            if segmenter.activation:
                self._before(module, segmenter.activation)
        for name in outputs:
            self._after(module, name)

    def _after(self, module: nn.Module, name: str) -> None:
        def catch(layer: nn.Module, args: object, output: Tensor) -> None:
            self.caught[name] = output.movedim(-1, 1) if self.channels_last else output

        self.armed.append(module.get_submodule(name).register_forward_hook(catch))

    def _before(self, module: nn.Module, name: str) -> None:
        def catch(layer: nn.Module, args: tuple[Tensor, ...]) -> None:
            self.caught[name] = args[0]

        self.armed.append(module.get_submodule(name).register_forward_pre_hook(catch))

    def _disarm(self) -> None:
        for handle in self.armed:
            handle.remove()
        self.armed.clear()
        self.caught.clear()

    def _give(self, module: nn.Module, args: object, output: object) -> Maps:
        plan, caught = self.plan, dict(self.caught)
        self._disarm()
        maps, seen = ([caught[name] for name in names] for names in (plan.maps, plan.seen))
        segmenter = plan.segmenter
        if segmenter is None:
            return Maps.of(maps, seen, plan.seen)
        logits = caught[segmenter.activation] if segmenter.activation else main_output(output)
        known = logits if segmenter.is_trained and isinstance(logits, Tensor) else None
        labels = tuple(f"{n} (input)" if n == segmenter.last else n for n in plan.seen)
        return Maps.of(maps, seen, labels, known, whole=True)
