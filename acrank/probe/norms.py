"""The BatchNorm layers of a network under the probe."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from acrank.norm.convert import why_not


def norm_layers(model: nn.Module) -> dict[str, _BatchNorm]:
    """The BatchNorm layers that AC-Norm can stand in for, by name."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm) and why_not(module) is None
    }


def use_batch_statistics(model: nn.Module) -> None:
    """Normalise by the batch, and leave the running statistics as the source has them."""
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.train()
            module.momentum = 0.0
