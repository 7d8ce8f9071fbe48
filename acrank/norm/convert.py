"""Whole networks: normalisation layers to AC-Norm in place, and back to plain layers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TypeVar, cast

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from acrank.norm.base import AffineCoLayer
from acrank.norm.guard import NONE_LEFT
from acrank.norm.layers import AffineCoNormAct2d
from acrank.norm.samplewise import AffineCoSampleNorm
from acrank.norm.types import BATCH, KINDS, NORM_NAMES, NormKind
from acrank.norm.usable import layer_class, norm_candidates, norm_kind

Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True)
class Conversion:
    """The layers that :func:`convert_affine` converted, and those that it left.

    Attributes:
        converted: names of the layers that are AC-Norm layers now.
        skipped: names of the normalisation layers left as they were, with the reason.
        counts: number of converted layers of each kind.
        unsynchronised: names of the converted layers that were SyncBatchNorm, and normalise by the
            batch of their own process from now on.
    """

    converted: tuple[str, ...]
    skipped: dict[str, str]
    counts: dict[NormKind, int] = field(default_factory=lambda: {"batch": 0})
    unsynchronised: tuple[str, ...] = ()

    def __str__(self) -> str:
        found = [f"{count} {NORM_NAMES[kind]}" for kind, count in self.counts.items()]
        lines = [f"{' and '.join(found) or 'no'} layers converted to AC-Norm"]
        if self.unsynchronised:
            count = len(self.unsynchronised)
            lines.append(
                f"{count} of SyncBatchNorm normalise by the batch of their own process now"
            )
        lines += [f"left as it was: {name} ({why})" for name, why in self.skipped.items()]
        return "\n".join(lines)


def convert_batchnorm(
    model: nn.Module, temperature: float = 1.0, authors: bool = False
) -> Conversion:
    """Replace every affine BatchNorm layer of a network by AC-Norm, in place.

    Covers BatchNorm1d/2d/3d, SyncBatchNorm (whose statistics are then per process) and
    timm's BatchNormAct2d. A layer used in several places stays one layer. The weights of a
    plain BatchNorm checkpoint load into the converted network.

    Args:
        model: the network; its own hierarchy is changed.
        temperature: temperature of the softmax in the affine correlation, above zero.
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
        temperature: temperature of the softmax in the affine correlation, above zero.
        authors: form of BatchNorm layers; see :class:`AffineCoNorm`.
        kinds: kinds of layers to replace.

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
    affines: dict[int, tuple[nn.Parameter, nn.Parameter]] = {}
    skipped: dict[str, str] = {}
    counts: dict[NormKind, int] = {}
    unsynchronised = []
    for name, (module, reason) in norm_candidates(model, kinds).items():
        if reason:
            skipped[name] = reason
        else:
            converted[name] = _convert_layer(module, temperature, authors)
            _tie(converted[name], module, affines)
            if isinstance(module, nn.SyncBatchNorm):
                unsynchronised.append(name)
            kind = converted[name].kind
            counts[kind] = counts.get(kind, 0) + 1
    _replace(model, {id(model.get_submodule(name)): new for name, new in converted.items()})
    counts = counts or {"batch": 0}
    return Conversion(tuple(converted), skipped, counts, tuple(unsynchronised))


def fold(model: Model) -> Model:
    """Replace every AC-Norm layer by the plain layer of the same inference output, in place.

    The folded network needs no acrank to run; its state dict is that of the original
    architecture.

    Args:
        model: a network with AC-Norm layers; one AC-Norm layer alone is folded too.

    Returns:
        The network itself (a new layer where an AC-Norm layer was given).

    Raises:
        ValueError: the network has no AC-Norm layer.
    """
    if isinstance(model, AffineCoLayer):
        return cast(Model, model.fold())
    layers = [module for module in model.modules() if isinstance(module, AffineCoLayer)]
    if not layers:
        raise ValueError(NONE_LEFT)
    _replace(model, {id(layer): layer.fold() for layer in layers})
    return model


def _convert_layer(module: nn.Module, temperature: float, authors: bool) -> AffineCoLayer:
    if not isinstance(module, _BatchNorm):
        return AffineCoSampleNorm(module, temperature)
    found = layer_class(module)
    assert found is not None  # why_not was asked first
    layer = found.from_batchnorm(module, temperature, authors)
    if isinstance(layer, AffineCoNormAct2d):
        layer.drop = getattr(module, "drop", nn.Identity())
        layer.act = getattr(module, "act", nn.Identity())
    return layer


def _tie(
    layer: AffineCoLayer,
    plain: nn.Module,
    affines: dict[int, tuple[nn.Parameter, nn.Parameter]],
) -> None:
    """Let layers whose plain forms share a parameter share it still, in source and target.

    Args:
        layer: new.
        plain: that it stands in for.
        affines: source and target by the plain parameter, of the layers so far; is added to.
    """
    for name in ("weight", "bias"):
        own = (getattr(layer, name), getattr(layer, f"{name}_target"))
        source, target = affines.setdefault(id(getattr(plain, name)), own)
        setattr(layer, name, source)
        setattr(layer, f"{name}_target", target)


def _replace(model: nn.Module, new: dict[int, nn.Module]) -> None:
    for parent in list(model.modules()):
        for name, child in list(parent._modules.items()):
            if child is not None and id(child) in new:
                # not by setattr: the guard would take folding for the loss of AC-Norm
                parent._modules[name] = new[id(child)]
