"""Compute the gradient ratio of early layers: how much of the adapting the first one does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.errors import MetricError, ModelError
from acrank.metrics.guards import checked, warn_guard

# Margin of the triplet loss, on features of unit length.
MARGIN = 0.05


def gradient_ratio(first: ArrayLike, second: ArrayLike) -> float:
    """Ratio of the second convolution's gradient to the first's; lower is better.

    Juodelyte, Ferrante, Lu, Singh, Vanschoren and Cheplygina, "On dataset transferability in
    medical image classification" (arXiv 2412.20172), by their released code: with the network
    in evaluation mode and its classifier removed, ``mean_b ||dL/dW_2|| / mean_b ||dL/dW_1||``
    over batches b, where L is the triplet loss of the batch's features (:func:`triplet_loss`),
    W_1 and W_2 the weights of the first two convolutions, and ``||.||`` the Euclidean norm. The
    authors form six batches of the sample, and take a lower ratio for a network that adapts
    better: their score is ``(1 - ratio') (1 - quality')``, with both parts rescaled to [0, 1]
    over the zoo (:func:`acrank.metrics.relative.min_max`) and a neighbourhood-component
    accuracy as the quality, of which, too, they prefer the lower.

    The norms grow with the number of weights of a layer, so that the ratio compares networks of
    one architecture; across architectures it ranks their stems.

    Args:
        first: norm of the first convolution's gradient in each batch, shape (B,).
        second: likewise of the second, shape (B,).

    Returns:
        A number of 0 or more, LOWER is better; NaN where the first convolution has no gradient.

    Warns:
        GuardWarning: interpolating, where no batch has a triplet left to push apart;
            not-finite.

    Raises:
        MetricError: no batches, or not as many norms of one as of the other.
    """
    norms = [np.asarray(values, dtype=np.float64) for values in (first, second)]
    if norms[0].ndim != 1 or norms[0].shape != norms[1].shape or not norms[0].size:
        raise MetricError(f"norms have shapes {norms[0].shape} and {norms[1].shape}.")
    if not norms[0].any():
        warn_guard("interpolating", "every triplet is a margin apart: there is no gradient")
        return float("nan")
    return checked(float(norms[1].mean() / norms[0].mean()), 0.0, float("inf"), saturates=False)


def early_gradients(
    features: Tensor, labels: Tensor, weights: Sequence[Tensor], margin: float = MARGIN
) -> list[float]:
    """Euclidean norm of the triplet loss's gradient in each of some weights.

    Args:
        features: features of a batch, with the graph that leads to the weights, shape (N, D).
        labels: class ids (N,).
        weights: usually those of :func:`first_convolutions`.
        margin: margin of the loss.

    Returns:
        One norm a weight; 0 for a weight that the features do not depend on.
    """
    loss = triplet_loss(features, labels, margin)
    gradients = torch.autograd.grad(loss, list(weights), allow_unused=True)
    return [0.0 if g is None else float(torch.linalg.vector_norm(g.float())) for g in gradients]


def triplet_loss(features: Tensor, labels: Tensor, margin: float = MARGIN) -> Tensor:
    """Mean of the triplets (anchor, same class, other class) that violate a margin.

    ``relu(d(a, p) - d(a, n) + margin)`` over all triplets of a batch, averaged over those above
    zero; d is the Euclidean distance of features of unit length (Schroff et al., CVPR 2015).

    The count of violations and each distance's part in them come from sorted distances, in
    O(N^2 log N) time and O(N^2) memory rather than a tensor of triplets. They are piecewise
    constant, so that the gradient is exact.

    Args:
        features: (N, D).
        labels: class ids (N,).
        margin: above 0.

    Returns:
        A scalar of 0 or more, of which 0 has a zero gradient.
    """
    full = features if features.dtype == torch.float64 else features.float()
    unit = F.normalize(full, dim=1)
    distances = torch.cdist(unit, unit, compute_mode="donot_use_mm_for_euclid_dist")
    parts, violations = _parts(distances.detach(), labels, margin)
    triplets = violations.sum().clamp(min=1)
    return ((parts * distances).sum() + margin * violations.sum()) / triplets


def first_convolutions(model: nn.Module, count: int = 2) -> list[Tensor]:
    """The weights of the first convolutions, in the order in which the network names them.

    Raises:
        ModelError: the network has fewer.
    """
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    weights = [module.weight for module in model.modules() if isinstance(module, kinds)]
    if len(weights) < count:
        raise ModelError(f"the network has {len(weights)} convolutions, not {count}.")
    return weights[:count]


def _parts(distances: Tensor, labels: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """Count violated triplets that each distance enters, signed, and violations of each pair."""
    same = labels[:, None] == labels
    other = ~same
    same = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    far = torch.full_like(distances, torch.inf)
    negatives = torch.where(other, distances, far).sort(dim=1).values
    reach = torch.where(same, distances + margin, -far)
    # negatives nearer than a positive plus the margin; positives farther than a negative less it
    nearer = torch.searchsorted(negatives, reach.contiguous())
    reaches = reach.sort(dim=1).values
    within = torch.searchsorted(reaches, distances.contiguous(), right=True)
    farther = torch.where(other, len(labels) - within, 0)
    return (nearer - farther).to(distances.dtype), nearer
