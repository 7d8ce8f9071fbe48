"""Measure how evenly the directions of features spread over the sphere."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from acrank.errors import MetricError
from acrank.metrics.arrays import as_ids, as_matrix, groups
from acrank.metrics.feature_set import Array
from acrank.metrics.guards import warn_guard

# Distances below this count as this (an angle of 0.6 degrees): what bf16 can no longer tell
# apart. Without it two equal voxels, which ReLU features do have, would decide the energy.
NEAREST = 1e-2

# Rows whose distances to all others are held in memory at once.
ROWS = 512


def hyperspherical_energy(features: ArrayLike) -> float:
    """Riesz energy (s = 1) of the directions of features: the mean over pairs of 1 / distance.

    ``mean over i != j of 1 / max(|u_i - u_j|, 0.01)`` with ``u = x / |x|``. It is a mean over
    pairs, not their sum, so that it does not grow with the number of voxels. A voxel of zeros
    has no direction: it stays at the centre, one unit from all that have one, and coincides
    with other voxels of zeros.

    Args:
        features: (P, D), at least two voxels.

    Returns:
        In [0.5, 100], lower is more varied; about 0.71 for independent directions of many
        channels. Unchanged by rotation and by the scale of each voxel.

    Warns:
        GuardWarning: constant-features, where pairs nearer than 0.01 make up more than half of
            the energy: it then counts voxels that coincide.

    Raises:
        MetricError: no finite matrix, or fewer than two voxels.
    """
    matrix = as_matrix(features)
    if len(matrix) < 2:
        raise MetricError("There is one voxel.", hint="An energy needs two.")
    energy, near = _energy(matrix)
    _warn_near(near / energy)
    return energy


def feature_variety(features: ArrayLike, images: ArrayLike) -> float:
    """Feature variety F_v of CC-FV: the inverse hyperspherical energy, mean over images.

    Images of one voxel are left out.

    Args:
        features: (P, D), all sampled voxels.
        images: id of the image of each voxel, (P,).

    Returns:
        In [0.01, 2], higher is more varied. Unchanged by rotation and scale; NaN where no image
        has two voxels (guard ``single-sample-class``).

    Warns:
        GuardWarning: see :func:`hyperspherical_energy`.

    Raises:
        MetricError: arrays that do not fit together.
    """
    matrix = as_matrix(features)
    rows = [group for group in groups(as_ids(images, len(matrix), "images")) if len(group) > 1]
    if not rows:
        warn_guard("single-sample-class", "no image has two voxels")
        return math.nan
    energies, near = np.transpose([_energy(matrix[group]) for group in rows])
    _warn_near(float(near.sum() / energies.sum()))
    return float((1 / energies).mean())


def _energy(matrix: Array) -> tuple[float, float]:
    """The energy, and the part of it that is of pairs nearer than ``NEAREST``."""
    units, count = _directions(matrix), len(matrix)
    squares = np.einsum("pd,pd->p", units, units)
    # every voxel is at NEAREST from itself, in the sums below
    total, near = -count / NEAREST, -float(count)
    for start in range(0, count, ROWS):
        part = slice(start, start + ROWS)
        apart = squares[part, None] + squares - 2 * (units[part] @ units.T)
        distances = np.sqrt(np.maximum(apart, NEAREST**2))
        total += float((1 / distances).sum())
        near += float((apart <= NEAREST**2).sum())
    pairs = count * (count - 1)
    return total / pairs, near / NEAREST / pairs


def _directions(matrix: Array) -> Array:
    """Rows of norm one; zeros stay zeros."""
    # the largest value first, for squares overflow
    largest = np.abs(matrix).max(axis=1, keepdims=True)
    scaled = matrix / np.where(largest > 0, largest, 1.0)
    norms = np.linalg.norm(scaled, axis=1, keepdims=True)
    units: Array = scaled / np.where(norms > 0, norms, 1.0)
    return units


def _warn_near(share: float) -> None:
    if share > 0.5:
        text = f"{100 * share:.0f} % of the energy is of pairs of voxels that coincide"
        warn_guard("constant-features", text)
