"""Affine correlation: how far a BatchNorm layer's channels moved between two domains.

Symbols, as in Zhang et al., "AC-Norm" (arXiv 2307.15282): the affine ratio of a channel
is ``y = bias / (|weight| + eps)``; ``P[i, j]`` is the softmax over source channels j of
``-|y_target[i] - y_source[j]| / temperature``; ``C`` keeps ``P[i, j]`` where
``P[i, j] >= P[i, i]`` and is zero elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

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
    own = np.abs(target - source)
    windows = _Windows(np.sort(source), target, temperature)
    first, last = windows.within(own)
    return torch.from_numpy(np.minimum(windows.mass(first, last) / windows.total(), 1.0))


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
    ratio = _ratio(weight, bias, temperature, eps) / temperature
    order = np.argsort(ratio, kind="stable")
    place = ratio[order]
    neighbours = _decayed_cumsum(place) + _decayed_cumsum(-place[::-1])[::-1] - 1.0
    drift = np.empty_like(ratio)
    drift[order] = 1.0 / neighbours
    return torch.from_numpy(drift)


def _ratio(weight: Tensor, bias: Tensor, temperature: float, eps: float) -> Array:
    """Affine ratios in NumPy, whose calls on such small arrays cost a fraction of PyTorch's."""
    if not temperature > 0:
        raise ValueError(f"temperature must be above zero, got {temperature}")
    # float64 lives on the CPU: some accelerators have none, and the arrays are tiny.
    ratio = affine_ratio(weight.detach().cpu().double(), bias.detach().cpu().double(), eps)
    values: Array = ratio.numpy()
    if not np.isfinite(values).all():
        raise ValueError("an affine parameter is not finite")
    return values


def _decayed_cumsum(position: Array) -> Array:
    """``sum over j <= k of exp(position[j] - position[k])`` for ascending positions, in [1, C].

    A doubling scan: every term is a decay, so nothing overflows however far apart the
    positions are, and sums of positive terms keep their relative precision.
    """
    total = np.ones_like(position)
    shift = 1
    while shift < len(position):
        decay = np.exp(position[:-shift] - position[shift:])
        total[shift:] = total[shift:] + total[:-shift] * decay
        shift *= 2
    return total


class _Windows:
    """Sums of ``exp(-|centre - position| / temperature)`` over intervals of sorted positions.

    All sums of a centre are scaled by ``exp(distance to the nearest position / temperature)``, so
    that the largest term is 1 and a far-away centre does not underflow. Distances are compared
    before they are divided, which could part two that are equal.
    """

    def __init__(self, position: Array, centre: Array, temperature: float) -> None:
        self.position = position
        self.centre = centre
        self.temperature = temperature
        self.split = np.searchsorted(position, centre, side="right")
        self.left = _decayed_cumsum(position / temperature)
        self.right = _decayed_cumsum(-position[::-1] / temperature)[::-1]
        self.none = np.zeros_like(self.split)
        self.end = np.full_like(self.split, len(position))
        below = np.where(self.split > 0, self._distance(self.split - 1), np.inf)
        above = np.where(self.split < self.end, self._distance(self.split), np.inf)
        self.nearest = np.minimum(below, above)

    def within(self, radius: Array) -> tuple[Indices, Indices]:
        """The interval ``[first, last)`` of positions no farther than the radius."""
        # Compared as computed distances, so that a channel's own position is always inside.
        near = np.searchsorted(self.position, self.centre - radius)
        first = _threshold(
            near, self.none, self.split, lambda index: self._distance(index) <= radius
        )
        far = np.searchsorted(self.position, self.centre + radius, side="right")
        last = _threshold(far, self.split, self.end, lambda index: self._distance(index) > radius)
        return first, last

    def mass(self, first: Indices, last: Indices) -> Array:
        """The sum over ``[first, last)``, where first <= split <= last."""
        left = self._left_of(self.split) - self._left_of(first)
        right = self._right_of(self.split) - self._right_of(last)
        # An empty side is exactly zero, not the rounding of a difference.
        sides = np.where(first < self.split, left, 0.0) + np.where(self.split < last, right, 0.0)
        return cast(Array, sides)

    def total(self) -> Array:
        """The sum over every position."""
        return self.mass(self.none, self.end)

    def _distance(self, index: Indices) -> Array:
        distance: Array = np.abs(
            self.position[np.clip(index, 0, len(self.position) - 1)] - self.centre
        )
        return distance

    def _left_of(self, index: Indices) -> Array:
        decay = np.exp((self.nearest - self._distance(index - 1)) / self.temperature)
        sums = self.left[np.maximum(index - 1, 0)] * decay
        return np.where(index > 0, sums, 0.0)

    def _right_of(self, index: Indices) -> Array:
        decay = np.exp((self.nearest - self._distance(index)) / self.temperature)
        sums = self.right[np.minimum(index, len(self.position) - 1)] * decay
        return np.where(index < self.end, sums, 0.0)


def _threshold(
    guess: Indices, low: Indices, high: Indices, holds: Callable[[Indices], Flags]
) -> Indices:
    """The smallest index in ``[low, high]`` from which a monotone predicate holds.

    A guess that is right but for rounding is found to be so at once; the others are searched.
    """
    guess = np.clip(guess, low, high)
    high = np.where((guess < high) & holds(guess), guess, high)
    low = np.where((guess > low) & ~holds(guess - 1), guess, low)
    while (low < high).any():
        middle = (low + high) // 2
        searching, true = low < high, holds(middle)
        high = np.where(searching & true, middle, high)
        low = np.where(searching & ~true, middle + 1, low)
    return low
