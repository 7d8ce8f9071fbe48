"""The Wasserstein-2 distance between Gaussians fitted to features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acrank.errors import MetricError
from acrank.metrics.arrays import as_matrix
from acrank.metrics.covariance import ledoit_wolf_shrinkage
from acrank.metrics.feature_set import Array, FeatureSet

# Squared distances below this are what rounding leaves of equal Gaussians, relative to their
# variance; and relative to their squared means.
ROUNDING = 1e-12
ROUNDING_OF_MEANS = 1e-24

# Partners of one Gaussian that are computed at once, which bounds the memory.
BATCH = 64


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian with covariance ``axes diag(variances) axes' + floor I``.

    Attributes:
        mean: (D,).
        axes: orthonormal columns (D, r).
        variances: along the axes, beyond the floor, (r,).
        floor: variance in every direction.
    """

    mean: Array
    axes: Array
    variances: Array
    floor: float

    @property
    def trace(self) -> float:
        """The sum of the variances of all channels."""
        return float(self.variances.sum() + len(self.mean) * self.floor)


def fit_gaussian(rows: ArrayLike) -> Gaussian:
    """The Gaussian of a sample: its mean and unbiased covariance (divided by n - 1).

    No more rows than channels leave directions without variance, and the others uncertain: the
    covariance is then shrunk to a multiple of the identity of the same trace, as far as Ledoit
    and Wolf have it.

    Args:
        rows: (n, D), n at least 2.

    Raises:
        MetricError: no finite matrix, or a single row.
    """
    matrix = as_matrix(rows)
    if len(matrix) < 2:
        raise MetricError("There is one row.", hint="A covariance needs two.")
    data = FeatureSet(matrix, np.zeros(len(matrix), dtype=np.int64))
    spectrum, axes = data.spectrum, data.spectrum.basis
    if spectrum.by_sample:
        axes = data.centred.T @ axes / np.sqrt(spectrum.eigenvalues)
    variances = spectrum.eigenvalues / (len(matrix) - 1)
    shrinkage = 0.0
    if len(matrix) <= data.width:
        # two rows differ in one direction and have none to shrink, but by rounding
        shrinkage = max(0.0, ledoit_wolf_shrinkage(data))
    floor = shrinkage * float(variances.sum()) / data.width
    return Gaussian(data.mean, axes, (1 - shrinkage) * variances, floor)


def gaussian_w2(a: ArrayLike, b: ArrayLike) -> float:
    """Wasserstein-2 distance between the Gaussians fitted to two samples of features.

    ``sqrt(|m_a - m_b|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2))`` with the means and covariances
    of :func:`fit_gaussian`.

    Args:
        a: (n, D), n at least 2.
        b: (m, D), m at least 2.

    Returns:
        At least 0, in units of the features; 0 for equal samples. Unchanged by rotation and by
        a shift of both.

    Raises:
        MetricError: no finite matrices, different numbers of channels, or a single row.
    """
    gaussians = [fit_gaussian(a), fit_gaussian(b)]
    return float(pairwise_w2(gaussians, np.array([[0, 1]]))[0])


def pairwise_w2(gaussians: list[Gaussian], pairs: NDArray[np.intp]) -> Array:
    """Wasserstein-2 distances between pairs of Gaussians.

    Where the axes of two Gaussians are fewer than the channels, the eigenvalues are those of a
    matrix in the axes alone: outside of them both are isotropic.

    Args:
        gaussians: all of the same number of channels.
        pairs: indices of the pairs, (K, 2).

    Returns:
        Distances, (K,).

    Raises:
        MetricError: different numbers of channels.
    """
    stack = _stacked(gaussians)
    cross = np.empty(len(pairs))
    for one in np.unique(pairs[:, 0]):
        where = np.flatnonzero(pairs[:, 0] == one)
        for start in range(0, len(where), BATCH):
            part = where[start : start + BATCH]
            cross[part] = stack.cross(int(one), pairs[part, 1])
    first, second = pairs.T
    apart = ((stack.means[first] - stack.means[second]) ** 2).sum(axis=1)
    spread, size = stack.traces, (stack.means**2).sum(axis=1)
    squares = apart + spread[first] + spread[second] - 2 * cross
    least = ROUNDING * (spread[first] + spread[second])
    least += ROUNDING_OF_MEANS * (size[first] + size[second])
    distances: Array = np.sqrt(np.where(squares > least, squares, 0.0))
    return distances


@dataclass(frozen=True)
class _Stack:
    """Gaussians in arrays; those of fewer axes than others have axes of zeros."""

    means: Array
    axes: Array
    variances: Array
    floors: Array
    traces: Array

    def cross(self, one: int, others: NDArray[np.intp]) -> Array:
        """``tr((A^1/2 B A^1/2)^1/2)`` for A of one Gaussian and B of each other, (K,)."""
        _, width, rank = self.axes.shape
        return self._narrow(one, others) if 2 * rank < width else self._wide(one, others)

    def _narrow(self, one: int, others: NDArray[np.intp]) -> Array:
        """Use the matrix ``Y'Y`` (2r, 2r), where ``A^1/2 B A^1/2 = Y Y' + a b I``.

        With floors a and b, ``Y = [b^1/2 (A - a I)^1/2, A^1/2 (B - b I)^1/2]`` in the axes.
        """
        _, width, rank = self.axes.shape
        own, theirs = self.variances[one], self.variances[others]
        a, b = self.floors[one], self.floors[others]
        shared = self.axes[one].T @ self.axes[others] * np.sqrt(theirs)[:, None, :]
        gram = np.zeros((len(others), 2 * rank, 2 * rank))  # only its lower triangle is read
        diagonal, rows = np.arange(rank), np.sqrt(own * (own + a))[:, None]
        gram[:, rank:, :rank] = np.sqrt(b)[:, None, None] * (rows * shared).transpose(0, 2, 1)
        gram[:, rank:, rank:] = shared.transpose(0, 2, 1) @ (own[:, None] * shared)
        gram[:, diagonal, diagonal] = b[:, None] * own
        gram[:, rank + diagonal, rank + diagonal] += a * theirs
        eigenvalues = np.maximum(np.linalg.eigvalsh(gram), 0.0) + (a * b)[:, None]
        total: Array = np.sqrt(eigenvalues).sum(axis=1) + (width - 2 * rank) * np.sqrt(a * b)
        return total

    def _wide(self, one: int, others: NDArray[np.intp]) -> Array:
        """Sum the singular values of ``A^1/2 B^1/2``, which squares nothing."""
        root = self._roots(np.array([one]))
        values = np.linalg.svd(root @ self._roots(others), compute_uv=False)
        total: Array = values.sum(axis=1)
        return total

    def _roots(self, which: NDArray[np.intp]) -> Array:
        """Symmetric square roots of covariances, (K, D, D)."""
        axes, floors = self.axes[which], self.floors[which][:, None]
        gains = np.sqrt(self.variances[which] + floors) - np.sqrt(floors)
        roots: Array = (axes * gains[:, None, :]) @ axes.transpose(0, 2, 1)
        diagonal = np.arange(axes.shape[1])
        roots[:, diagonal, diagonal] += np.sqrt(floors)
        return roots


def _stacked(gaussians: list[Gaussian]) -> _Stack:
    widths = sorted({len(gaussian.mean) for gaussian in gaussians})
    if len(widths) > 1:
        raise MetricError(f"Samples have {widths[0]} and {widths[-1]} channels.")
    rank = max(len(gaussian.variances) for gaussian in gaussians)
    axes = np.zeros((len(gaussians), widths[0], rank))
    variances = np.zeros((len(gaussians), rank))
    for number, gaussian in enumerate(gaussians):
        axes[number, :, : len(gaussian.variances)] = gaussian.axes
        variances[number, : len(gaussian.variances)] = gaussian.variances
    return _Stack(
        means=np.stack([gaussian.mean for gaussian in gaussians]),
        axes=axes,
        variances=variances,
        floors=np.array([gaussian.floor for gaussian in gaussians]),
        traces=np.array([gaussian.trace for gaussian in gaussians]),
    )
