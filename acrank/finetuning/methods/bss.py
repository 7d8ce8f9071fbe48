"""Fine-tune with batch spectral shrinkage, which suppresses weak directions of features."""

from __future__ import annotations

import torch
from torch import Tensor

from acrank.errors import ConfigError
from acrank.finetuning.methods.base import Method
from acrank.finetuning.network import Network


def spectral_shrinkage(features: Tensor, k: int = 1) -> Tensor:
    """Sum the squares of the k smallest singular values of a batch of features.

    Chen, Wang, Fu, Long and Wang, "Catastrophic Forgetting Meets Negative Transfer: Batch
    Spectral Shrinkage for Safe Transfer Learning", NeurIPS 2019, equation 4.

    Args:
        features: (N, D), of which there are min(N, D) singular values.
        k: number of singular values; all if there are fewer.

    Returns:
        A scalar at least zero, differentiable; NaN where a feature is not finite.
    """
    if not bool(torch.isfinite(features).all()):
        return features.new_full((), torch.nan)
    values: Tensor = torch.linalg.svdvals(features.float())  # in descending order
    return values[-k:].pow(2).sum()


class BatchSpectralShrinkage(Method):
    """Plain fine-tuning with :func:`spectral_shrinkage` of each batch's features.

    Args:
        eta: weight of the penalty.
        k: number of singular values.
    """

    def __init__(self, eta: float = 0.001, k: int = 1) -> None:
        if k < 1:
            raise ConfigError(f"k is {k}.", hint="Set it to 1 or more.")
        self.eta = eta
        self.k = k

    def penalty(
        self, network: Network, images: Tensor, features: Tensor, labels: Tensor
    ) -> Tensor | None:
        """Return the weighted shrinkage."""
        return self.eta * spectral_shrinkage(features, self.k)
