"""The BatchNorm layers of a network under the probe."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def norm_layers(model: nn.Module) -> dict[str, _BatchNorm]:
    """Affine BatchNorm layers by name, timm's fused ones included; frozen ones are no such."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm) and module.affine
    }


def use_batch_statistics(model: nn.Module) -> None:
    """Normalise by the batch, and leave the running statistics as the source has them."""
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.train()
            module.momentum = 0.0
