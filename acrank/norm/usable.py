"""Find the normalisation layers that AC-Norm can replace, and the reasons against the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from timm.layers.norm_act import BatchNormAct2d, FrozenBatchNormAct2d, SyncBatchNormAct
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.lazy import LazyModuleMixin
from torchvision.ops.misc import FrozenBatchNorm2d

from acrank.norm.base import AffineCoLayer
from acrank.norm.layers import (
    AffineCoNorm,
    AffineCoNorm1d,
    AffineCoNorm2d,
    AffineCoNorm3d,
    AffineCoNormAct2d,
)
from acrank.norm.samplewise import samplewise_kind, why_not_samplewise
from acrank.norm.types import NormKind
from acrank.utils.fresh import is_fresh

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


def norm_kind(module: nn.Module) -> NormKind | None:
    """The kind of a normalisation layer; None for other modules."""
    if isinstance(module, AffineCoLayer):
        return module.kind
    return "batch" if isinstance(module, _BatchNorm) else samplewise_kind(module)


def usable_norms(model: nn.Module, kinds: Collection[NormKind]) -> dict[str, nn.Module]:
    """The layers of some kinds that AC-Norm can stand in for, by name."""
    return {name: layer for name, (layer, why) in norm_candidates(model, kinds).items() if not why}


def unusable_norms(model: nn.Module, kinds: Collection[NormKind]) -> dict[str, str]:
    """The layers of some kinds that AC-Norm cannot stand in for, with the reasons, by name."""
    return {name: why for name, (_, why) in norm_candidates(model, kinds).items() if why}


def norm_candidates(
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
    if layer_class(module) is None:
        return f"{type(module).__name__} has a forward of its own"
    return None


def layer_class(module: _BatchNorm) -> type[AffineCoNorm] | None:
    """The AC-Norm layer in place of a BatchNorm layer; None for one with a forward of its own."""
    forward = type(module).forward
    if forward is _BatchNorm.forward:
        return next((new for old, new in _BY_DIMENSION.items() if isinstance(module, old)), None)
    return _LAYERS.get(forward)
