"""Affine correlation: how far a BatchNorm layer's channels moved between two domains.

Symbols, as in Zhang et al., "AC-Norm" (arXiv 2307.15282): the affine ratio of a channel
is ``y = bias / (|weight| + eps)``; ``P[i, j]`` is the softmax over source channels j of
``-|y_target[i] - y_source[j]| / temperature``; ``C`` keeps ``P[i, j]`` where
``P[i, j] >= P[i, i]`` and is zero elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# Keeps the ratio finite where a scale is zero, and is far below the scales of live channels.
RATIO_EPS = 1e-5


def affine_ratio(weight: Tensor, bias: Tensor, eps: float = RATIO_EPS) -> Tensor:
    """The mean-to-spread ratio of each normalised channel, ``bias / (|weight| + eps)``.

    Args:
        weight: scale of each channel, shape (..., C).
        bias: shift of each channel, shape (..., C).
        eps: keeps the ratio finite where the scale is zero.

    Returns:
        Ratios in the dtype of the inputs, shape (..., C); any real number.
    """
    return bias / (weight.abs() + eps)


def correlation_matrix(source: Tensor, target: Tensor, temperature: float = 1.0) -> Tensor:
    """The affine correlation C between two sets of ratios, written out.

    Takes O(C^2) memory; :func:`ac_corr` has its row sums in O(C).

    Args:
        source: affine ratios of the source domain, shape (C,).
        target: affine ratios of the target domain, shape (C,).
        temperature: temperature of the softmax; larger spreads each row over more channels.

    Returns:
        C, shape (C, C), rows are target channels; entries in [0, 1], row sums in (0, 1].
    """
    distance = (target[:, None] - source[None, :]).abs()
    probability = torch.softmax(-distance / temperature, dim=1)
    return probability.where(probability >= probability.diagonal()[:, None], 0.0)


def ac_corr(
    source_weight: Tensor,
    source_bias: Tensor,
    target_weight: Tensor,
    target_bias: Tensor,
    temperature: float = 1.0,
    eps: float = RATIO_EPS,
) -> Tensor:
    """The row sums of the affine correlation C: the mass each target channel keeps.

    Higher means more transferable. AC-Corr of a layer is the sum over its channels, AC-Corr
    of a network the mean over its layers (Zhang et al., arXiv 2307.15282). A row of C is an
    interval of the sorted source ratios around the target ratio, and the softmax an
    exponential kernel on a line, so that sorted prefix sums give the exact row sums in
    O(C log C) time and O(C) memory. No channel is left out here: see
    :func:`acrank.norm.ac_corr_model` for tied layers and dead channels.

    Args:
        source_weight: scales of the pretrained layer, shape (C,).
        source_bias: shifts of the pretrained layer, shape (C,).
        target_weight: scales on the target domain, shape (..., C).
        target_bias: shifts on the target domain, shape (..., C).
        temperature: temperature of the softmax, above zero.
        eps: keeps the ratio finite where a scale is zero.

    Returns:
        Kept mass in (0, 1], float64, shape (..., C).

    Raises:
        ValueError: an affine parameter is not finite, or the temperature not positive.
    """
    source = _ratio(source_weight, source_bias, temperature, eps)
    target = _ratio(target_weight, target_bias, temperature, eps)
    own = (target - source).abs()
    sorted_source = source.sort().values
    windows = _Windows(sorted_source, target, temperature)
    first, last = windows.within(own)
    return (windows.mass(first, last) / windows.total()).clamp(max=1.0)


def zero_drift(
    weight: Tensor, bias: Tensor, temperature: float = 1.0, eps: float = RATIO_EPS
) -> Tensor:
    """The diagonal of P before any step: what AC-Corr says without seeing a target.

    Args:
        weight: scales of the pretrained layer, shape (C,).
        bias: shifts of the pretrained layer, shape (C,).
        temperature: temperature of the softmax, above zero.
        eps: keeps the ratio finite where a scale is zero.

    Returns:
        ``P[i, i]`` in (0, 1], float64, shape (C,); the sum is the trace of P.

    Raises:
        ValueError: an affine parameter is not finite, or the temperature not positive.
    """
    ratio, order = (_ratio(weight, bias, temperature, eps) / temperature).sort()
    neighbours = _decayed_cumsum(ratio) + _decayed_cumsum(-ratio.flip(0)).flip(0) - 1.0
    return torch.empty_like(ratio).index_copy_(0, order, 1.0 / neighbours)


def _ratio(weight: Tensor, bias: Tensor, temperature: float, eps: float) -> Tensor:
    if not temperature > 0:
        raise ValueError(f"temperature must be above zero, got {temperature}")
    # float64 lives on the CPU: some accelerators have none, and the arrays are tiny.
    ratio = affine_ratio(weight.detach().cpu().double(), bias.detach().cpu().double(), eps)
    if not torch.isfinite(ratio).all():
        raise ValueError("an affine parameter is not finite")
    return ratio


def _decayed_cumsum(position: Tensor) -> Tensor:
    """``sum over j <= k of exp(position[j] - position[k])`` for ascending positions, in [1, C].

    A doubling scan: every term is a decay, so nothing overflows however far apart the
    positions are, and sums of positive terms keep their relative precision.
    """
    total = torch.ones_like(position)
    shift = 1
    while shift < len(position):
        decay = torch.exp(position[:-shift] - position[shift:])
        total[shift:] = total[shift:] + total[:-shift] * decay
        shift *= 2
    return total


class _Windows:
    """Sums of ``exp(-|centre - position| / temperature)`` over intervals of sorted positions.

    All sums of a centre are scaled by ``exp(distance to the nearest position / temperature)``, so
    that the largest term is 1 and a far-away centre does not underflow. Distances are compared
    before they are divided, which could part two that are equal.
    """

    def __init__(self, position: Tensor, centre: Tensor, temperature: float) -> None:
        self.position = position
        self.centre = centre
        self.temperature = temperature
        self.split = torch.searchsorted(position, centre.contiguous(), right=True)
        self.left = _decayed_cumsum(position / temperature)
        self.right = _decayed_cumsum(-position.flip(0) / temperature).flip(0)
        self.none = torch.zeros_like(self.split)
        self.end = torch.full_like(self.split, len(position))
        below = self._distance(self.split - 1).where(self.split > 0, torch.inf)
        above = self._distance(self.split).where(self.split < self.end, torch.inf)
        self.nearest = torch.minimum(below, above)

    def within(self, radius: Tensor) -> tuple[Tensor, Tensor]:
        """The interval ``[first, last)`` of positions no farther than the radius."""
        # Compared as computed distances, so that a channel's own position is always inside.
        first = _bisect(self.none, self.split, lambda index: self._distance(index) <= radius)
        last = _bisect(self.split, self.end, lambda index: self._distance(index) > radius)
        return first, last

    def mass(self, first: Tensor, last: Tensor) -> Tensor:
        """The sum over ``[first, last)``, where first <= split <= last."""
        left = self._left_of(self.split) - self._left_of(first)
        right = self._right_of(self.split) - self._right_of(last)
        # An empty side is exactly zero, not the rounding of a difference.
        return left.where(first < self.split, 0.0) + right.where(self.split < last, 0.0)

    def total(self) -> Tensor:
        """The sum over every position."""
        return self.mass(self.none, self.end)

    def _distance(self, index: Tensor) -> Tensor:
        return (self.position[index.clamp(0, len(self.position) - 1)] - self.centre).abs()

    def _left_of(self, index: Tensor) -> Tensor:
        decay = torch.exp((self.nearest - self._distance(index - 1)) / self.temperature)
        sums = self.left[(index - 1).clamp(min=0)] * decay
        return sums.where(index > 0, 0.0)

    def _right_of(self, index: Tensor) -> Tensor:
        decay = torch.exp((self.nearest - self._distance(index)) / self.temperature)
        sums = self.right[index.clamp(max=len(self.position) - 1)] * decay
        return sums.where(index < self.end, 0.0)


def _bisect(low: Tensor, high: Tensor, holds: Callable[[Tensor], Tensor]) -> Tensor:
    """The smallest index in ``[low, high]`` from which a monotone predicate holds."""
    while bool((low < high).any()):
        middle = (low + high) // 2
        searching, true = low < high, holds(middle)
        high = middle.where(searching & true, high)
        low = (middle + 1).where(searching & ~true, low)
    return low
