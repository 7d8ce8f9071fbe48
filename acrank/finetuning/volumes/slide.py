"""Run a network of patches over a whole volume (extra ``medical``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from acrank.data.volumes.windows import OVERLAP


def slide(network: nn.Module, volumes: Tensor, patch: Sequence[int], at_once: int = 2) -> Tensor:
    """Compute logits (N, K, X, Y, Z) of volumes patch by patch, by MONAI's sliding window.

    Neighbouring patches overlap; the middle of each counts more.
    Where volumes are smaller than a patch, zeros lie around them, as in training.

    Args:
        network: network from patches to logits, maybe of fewer voxels.
        volumes: prepared volumes, (N, C, X, Y, Z).
        patch: voxels of a patch along each axis.
        at_once: number of patches in a batch.
    """
    from monai.inferers import SlidingWindowInferer

    inferer = SlidingWindowInferer(tuple(patch), at_once, OVERLAP, mode="gaussian")
    return cast(Tensor, inferer(volumes, Patches(network)))


class Patches(nn.Module):
    """A network of patches whose logits have as many voxels as the patches.

    Args:
        network: network from patches to logits, maybe of fewer voxels.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, patches: Tensor) -> Tensor:
        """Compute logits (N, K, X, Y, Z) of prepared patches (N, C, X, Y, Z)."""
        logits: Tensor = self.network(patches)
        if logits.shape[2:] == patches.shape[2:]:
            return logits
        return F.interpolate(logits, size=patches.shape[2:], mode="trilinear")
