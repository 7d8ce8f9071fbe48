"""Other libraries' conversions of BatchNorm may not take AC-Norm layers out of a network."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook

from acrank.norm.base import AffineCoLayer
from acrank.norm.usable import norm_kind

# What to do in place of such a conversion, or after one.
_ORDER = (
    "convert to SyncBatchNorm first and call convert_batchnorm after that; to freeze a layer, call "
    "its eval() and set requires_grad of weight_target and bias_target; fold() makes it plain"
)
NONE_LEFT = (
    "no AC-Norm layer in this network: call convert_batchnorm first. If that was done, a later "
    f"conversion of its layers has dropped what was trained: {_ORDER}."
)


def refuse_loss(parent: nn.Module, name: str, new: nn.Module | None) -> None:
    """Refuse to put a plain normalisation layer in the place of an AC-Norm layer.

    ``SyncBatchNorm.convert_sync_batchnorm``, timm's ``freeze_batch_norm_2d`` and their like take
    AC-Norm for BatchNorm, and make a layer of its source affine alone: what was trained would be
    gone without a word.

    Args:
        parent: whose child is set.
        name: name of the child.
        new: the child.

    Raises:
        ValueError: an AC-Norm layer is there, and this is a plain one.
    """
    old = parent._modules.get(name)
    if isinstance(new, AffineCoLayer) or not isinstance(old, AffineCoLayer):
        return
    if new is not None and (norm_kind(new) or "running_mean" in new._buffers):
        raise ValueError(
            f"the AC-Norm layer {name!r} would become a {type(new).__name__} of its source affine "
            f"alone, without what was trained: {_ORDER}."
        )


# PyTorch asks before every assignment of a submodule; there is no other place to notice.
register_module_module_registration_hook(refuse_loss)
