"""Whole networks: normalisation layers to AC-Norm in place, and back to plain layers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TypeVar, cast

from timm.layers.norm_act import BatchNormAct2d, FrozenBatchNormAct2d, SyncBatchNormAct
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.lazy import LazyModuleMixin
from torchvision.ops.misc import FrozenBatchNorm2d

from acrank.common.fresh import is_fresh
from acrank.norm.base import AffineCoLayer
from acrank.norm.layers import AffineCoNorm, AffineCoNorm1d, AffineCoNorm2d, AffineCoNorm3d
from acrank.norm.samplewise import AffineCoSampleNorm, samplewise_kind, why_not_samplewise
from acrank.results.kinds import BATCH, KINDS, NORM_NAMES, NormKind

Model = TypeVar("Model", bound=nn.Module)


class AffineCoNormAct2d(AffineCoNorm2d):
    """AC-Norm in place of timm's BatchNormAct2d: normalisation, drop, activation."""

    drop: nn.Module
    act: nn.Module

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - BatchNorm's own name
        """Normalise, drop and activate a batch; shape (N, C, H, W) in and out."""
        return cast(Tensor, self.act(self.drop(super().forward(input))))

    def fold(self) -> _BatchNorm:
        """The BatchNormAct2d layer with the same output in inference mode."""
        folded = self._fold_into(BatchNormAct2d(**self._plain_arguments()))
        folded.drop, folded.act = self.drop, self.act
        return folded


@dataclass(frozen=True)
class Conversion:
    """What :func:`convert_affine` did.

    Attributes:
        converted: names of the layers that are AC-Norm layers now.
        skipped: names of the normalisation layers left as they were, with the reason.
        counts: how many of each kind were converted.
    """

    converted: tuple[str, ...]
    skipped: dict[str, str]
    counts: dict[NormKind, int] = field(default_factory=lambda: {"batch": 0})

    def __str__(self) -> str:
        found = [f"{count} {NORM_NAMES[kind]}" for kind, count in self.counts.items()]
        lines = [f"{' and '.join(found) or 'no'} layers converted to AC-Norm"]
        lines += [f"left as it was: {name} ({why})" for name, why in self.skipped.items()]
        return "\n".join(lines)


# A layer is known by the forward it runs, so that a subclass with a forward of its own is not
# mistaken for plain BatchNorm.
_LAYERS: dict[Callable[..., object], type[AffineCoNorm]] = {
    BatchNormAct2d.forward: AffineCoNormAct2d,
    SyncBatchNormAct.forward: AffineCoNormAct2d,
    nn.SyncBatchNorm.forward: AffineCoNorm,
}
_BY_DIMENSION: dict[type[_BatchNorm], type[AffineCoNorm]] = {
    nn.BatchNorm1d: AffineCoNorm1d,
    nn.BatchNorm2d: AffineCoNorm2d,
    nn.BatchNorm3d: AffineCoNorm3d,
}


def convert_batchnorm(
    model: nn.Module, temperature: float = 1.0, authors: bool = False
) -> Conversion:
    """Replace every affine BatchNorm layer of a network by AC-Norm, in place.

    Covers BatchNorm1d/2d/3d, SyncBatchNorm (whose statistics are then per process) and
    timm's BatchNormAct2d. A layer used in several places stays one layer. The weights of a
    plain BatchNorm checkpoint load into the converted network.

    Args:
        model: the network; its own hierarchy is changed.
        temperature: of the correlation's softmax.
        authors: see :class:`AffineCoNorm`.

    Returns:
        The layers converted and those left, with reasons. Layers without affine parameters
        stay: they have nothing to correlate.

    Raises:
        ValueError: the model is itself a BatchNorm layer, which has no place to be replaced in.
    """
    return convert_affine(model, temperature, authors, kinds=BATCH)


def convert_affine(
    model: nn.Module,
    temperature: float = 1.0,
    authors: bool = False,
    *,
    kinds: Collection[NormKind] = KINDS,
) -> Conversion:
    """Replace normalisation layers with a scale and a shift a channel by AC-Norm, in place.

    Besides BatchNorm (see :func:`convert_batchnorm`): LayerNorm over the channels, GroupNorm and
    InstanceNorm, and timm's forms of them, those that activate too among them. On these AC-Norm
    is a generalisation; see :class:`acrank.norm.AffineCoSampleNorm`.

    Args:
        model: the network; its own hierarchy is changed.
        temperature: of the correlation's softmax.
        authors: of BatchNorm layers; see :class:`AffineCoNorm`.
        kinds: of layers to replace.

    Returns:
        The layers converted and those of these kinds that are left, with reasons.

    Raises:
        ValueError: the model is itself such a layer, which has no place to be replaced in.
    """
    if norm_kind(model) in kinds and not isinstance(model, AffineCoLayer):
        raise ValueError(
            f"{type(model).__name__} is a layer, not a network: use "
            "AffineCoNorm1d/2d/3d.from_batchnorm or AffineCoSampleNorm, or wrap it in nn.Sequential"
        )
    converted: dict[str, AffineCoLayer] = {}
    skipped: dict[str, str] = {}
    counts: dict[NormKind, int] = {}
    for name, (module, reason) in _candidates(model, kinds).items():
        if reason:
            skipped[name] = reason
        else:
            converted[name] = _convert_layer(module, temperature, authors)
            kind = converted[name].kind
            counts[kind] = counts.get(kind, 0) + 1
    _replace(model, {id(model.get_submodule(name)): new for name, new in converted.items()})
    return Conversion(tuple(converted), skipped, counts or {"batch": 0})


def fold(model: Model) -> Model:
    """Replace every AC-Norm layer by the plain layer of the same inference output, in place.

    The folded network needs no acrank to run; its state dict is that of the original
    architecture.

    Args:
        model: a network with AC-Norm layers; one AC-Norm layer alone is folded too.

    Returns:
        The network itself (a new layer where an AC-Norm layer was given).
    """
    if isinstance(model, AffineCoLayer):
        return cast(Model, model.fold())
    layers = [module for module in model.modules() if isinstance(module, AffineCoLayer)]
    _replace(model, {id(layer): layer.fold() for layer in layers})
    return model


def norm_kind(module: nn.Module) -> NormKind | None:
    """The kind of a normalisation layer; None for other modules."""
    if isinstance(module, AffineCoLayer):
        return module.kind
    return "batch" if isinstance(module, _BatchNorm) else samplewise_kind(module)


def usable_norms(model: nn.Module, kinds: Collection[NormKind]) -> dict[str, nn.Module]:
    """The layers of some kinds that AC-Norm can stand in for, by name."""
    return {name: layer for name, (layer, why) in _candidates(model, kinds).items() if not why}


def unusable_norms(model: nn.Module, kinds: Collection[NormKind]) -> dict[str, str]:
    """The layers of some kinds that AC-Norm cannot stand in for, with the reasons, by name."""
    return {name: why for name, (_, why) in _candidates(model, kinds).items() if why}


def _candidates(
    model: nn.Module, kinds: Collection[NormKind]
) -> dict[str, tuple[nn.Module, str | None]]:
    """Normalisation layers of some kinds, each with the reason why not, or None."""
    bypassed = {id(layer) for layer in _bypassed(model)}
    found: dict[str, tuple[nn.Module, str | None]] = {}
    for name, module in model.named_modules():
        reason = _reason(module, kinds)
        if reason is None and id(module) in bypassed:
            reason = "nn.TransformerEncoderLayer reads its weights past it"
        if reason != "":
            found[name] = (module, reason)
    return found


def _reason(module: nn.Module, kinds: Collection[NormKind]) -> str | None:
    if isinstance(module, AffineCoLayer):
        return ""
    reason = why_not(module)
    if reason != "":
        return reason if "batch" in kinds else ""
    reason = why_not_samplewise(module)
    kind = samplewise_kind(module)
    # a layer of scales alone has no kind of these, and is named beside them
    return reason if kind in kinds or (kind is None and set(kinds) - {"batch"}) else ""


def _bypassed(model: nn.Module) -> Iterator[nn.Module]:
    """Layers whose module is not always run: PyTorch's fast path takes their weights instead."""
    for module in model.modules():
        if isinstance(module, nn.TransformerEncoderLayer):
            yield from module.children()


def why_not(module: nn.Module) -> str | None:
    """None to convert, a reason to report, or an empty string where there is no BatchNorm."""
    if isinstance(module, FrozenBatchNorm2d | FrozenBatchNormAct2d):
        return "frozen statistics and affine"
    if not isinstance(module, _BatchNorm) or isinstance(module, AffineCoNorm):
        return ""
    if isinstance(module, LazyModuleMixin):
        return "lazy layer not initialised yet: run one batch first"
    if not module.affine:
        return "no affine parameters"
    if is_fresh(module):
        return "not in the checkpoint"
    if _layer_class(module) is None:
        return f"{type(module).__name__} has a forward of its own"
    return None


def _layer_class(module: _BatchNorm) -> type[AffineCoNorm] | None:
    forward = type(module).forward
    if forward is _BatchNorm.forward:
        return next((new for old, new in _BY_DIMENSION.items() if isinstance(module, old)), None)
    return _LAYERS.get(forward)


def _convert_layer(module: nn.Module, temperature: float, authors: bool) -> AffineCoLayer:
    if not isinstance(module, _BatchNorm):
        return AffineCoSampleNorm(module, temperature)
    layer_class = _layer_class(module)
    assert layer_class is not None  # why_not was asked first
    layer = layer_class.from_batchnorm(module, temperature, authors)
    if isinstance(layer, AffineCoNormAct2d):
        layer.drop = getattr(module, "drop", nn.Identity())
        layer.act = getattr(module, "act", nn.Identity())
    return layer


def _replace(model: nn.Module, new: dict[int, nn.Module]) -> None:
    for parent in list(model.modules()):
        for name, child in list(parent._modules.items()):
            if child is not None and id(child) in new:
                setattr(parent, name, new[id(child)])
