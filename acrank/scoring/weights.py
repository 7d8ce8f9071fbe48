"""Collect the weights of a network's layers, for scores that see nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def weights_of(model: nn.Module) -> dict[str, NDArray[np.float32]]:
    """The weights of linear and convolutional layers by name, each once where layers share them.

    Attention of PyTorch's own has its input's projections in one matrix.

    Args:
        model: not probed yet; on any device.

    Returns:
        Of each layer (O, I), or (O, I / groups, ...) of a convolution.
    """
    found: dict[int, tuple[str, Tensor]] = {}
    for name, module in model.named_modules():
        weight = module.weight if isinstance(module, _LAYERS) else None
        if isinstance(module, nn.MultiheadAttention):
            weight = module.in_proj_weight
        if isinstance(weight, Tensor):
            found.setdefault(id(weight), (name, weight))
    return {name: weight.detach().cpu().float().numpy() for name, weight in found.values()}
