"""Measure how far classes overlap, and whether similar images have the same label."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acrank.errors import MetricError
from acrank.metrics.feature_set import (
    Array,
    FeatureSet,
    as_feature_set,
    is_constant,
    warn_few,
    warn_single,
)
from acrank.metrics.guards import checked, warn_guard

# Principal axes that GBC looks at, as its authors do.
AXES = 64

# Least variance of a class along an axis, relative to the mean variance of the axes. (The
# authors' code has 1e-4 of no unit, which makes the score depend on the scale of the features.)
LEAST_VARIANCE = 1e-3

# Decimals of a correlation that are not rounding.
DECIMALS = 12


def gbc(
    features: ArrayLike | FeatureSet,
    labels: ArrayLike | None = None,
    *,
    covariance: Literal["spherical", "diagonal"] = "spherical",
    components: int | None = AXES,
    variance_floor: float | None = None,
) -> float:
    """GBC: the overlap of classes seen as Gaussians, summed over pairs, negated.

    Pandy, Agostinelli, Uijlings, Ferrari and Mensink, "Transferability Estimation using
    Bhattacharyya Class Separability", CVPR 2022, arXiv 2111.12780. With class means m and
    variances v over p axes, ``- sum over c != c' of exp(-B(c, c'))`` with ``B = sum over axes
    of (m_c - m_c')^2 / (8 w) + log(w / sqrt(v_c v_c')) / 2`` and ``w = (v_c + v_c') / 2``;
    spherical: one v a class, the mean over its axes, which counts p times in the logarithm.

    A class of one image takes the variance that all classes have in common, with the guard
    ``single-sample-class``. Other guards: ``n-below-d`` for no more images than axes (noise
    alone then separates class means), ``saturated`` where nothing overlaps, and
    ``constant-features`` (NaN).

    Args:
        features: (N, D), or a set already made.
        labels: class ids (N,); left out where a set is given.
        covariance: form of each class's covariance; spherical is the authors' default, and
            unchanged by rotation.
        components: principal axes to look at, at most the rank; None for the channels as
            they are, where spherical counts channels that never vary among the p.
        variance_floor: least variance of a class, in squared units of the features; None for
            1e-3 of the mean variance of the axes that vary.

    Returns:
        GBC in [-C(C - 1), 0], higher is better; unchanged by scale and shift.

    Raises:
        MetricError: an unknown covariance, fewer than one component, or see
            :func:`acrank.metrics.feature_set.as_feature_set`.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import gbc
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(gbc(features, labels), 3)
        -3.946
    """
    if covariance not in ("spherical", "diagonal"):
        raise MetricError(f"covariance is {covariance!r}.", hint="spherical or diagonal.")
    data = as_feature_set(features, labels)
    if is_constant(data):
        return float("nan")
    points = _axes(data, components)
    warn_single(data)
    means, variances = _gaussians(points, data, covariance == "spherical", variance_floor)
    pairs = data.classes * (data.classes - 1)
    overlap = float(np.exp(-_bhattacharyya(means, variances)).sum())
    return checked(-overlap, -float(pairs), 0.0)


def parc(features: ArrayLike | FeatureSet, labels: ArrayLike | None = None) -> float:
    """PARC: whether pairs of images that differ in features differ in label, times 100.

    Bolya, Mittapalli and Hoffman, "Scalable Diverse Model Selection for Accessible Transfer
    Learning", NeurIPS 2021, arXiv 2111.06977: ``100 * Spearman(1 - corr(x_i, x_j),
    1 - corr(y_i, y_j))`` over pairs of images i < j, with channels standardised (those that
    never vary left out) and y one-hot. The second distance has two values only, equal or not;
    taken from floating-point correlations it falls apart into more, and the coefficient is
    wrong in the third digit. An image without variance over its channels correlates with none.
    The authors take 500 images and reduce features to 32 axes; here every image and channel
    counts, and memory grows by about ``5 N^2`` bytes.

    Guards: ``constant-features`` (fewer than two channels vary, or all pairs are equally far:
    NaN), ``single-sample-class`` where every class has one image (NaN), ``saturated``.

    Args:
        features: (N, D), or a set already made.
        labels: class ids (N,); left out where a set is given.

    Returns:
        PARC in [-100, 100], higher is better; unchanged by the scale and shift of each channel.

    Raises:
        MetricError: see :func:`acrank.metrics.feature_set.as_feature_set`.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import parc
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(parc(features, labels), 3)
        23.252
    """
    data = as_feature_set(features, labels)
    if is_constant(data):
        return float("nan")
    if (data.counts == 1).all():
        warn_single(data)
        return float("nan")
    distances, same = _pairs(_standardised(data), data.labels)
    own = distances[same]
    distances.sort()
    if distances[0] == distances[-1]:
        warn_guard("constant-features", "all pairs of images correlate alike")
        return float("nan")
    return checked(100.0 * _rank_correlation(distances, own), -100.0, 100.0)


def _axes(data: FeatureSet, components: int | None) -> Array:
    """Centred features along the first principal axes, or along channels, shape (N, p)."""
    if components is None:
        warn_few(data)
        return data.centred
    if components < 1:
        raise MetricError(f"components is {components}.", hint="At least one axis is needed.")
    if len(data) <= min(components, data.width):
        warn_guard("n-below-d", f"{len(data)} images, {min(components, data.width)} axes")
    spectrum = data.spectrum
    first = spectrum.basis[:, :components]
    if spectrum.by_sample:
        return first * np.sqrt(spectrum.eigenvalues[:components])
    points: Array = data.centred @ first
    return points


def _gaussians(
    points: Array, data: FeatureSet, spherical: bool, floor: float | None
) -> tuple[Array, Array]:
    """Mean and variance of each class, both (C, p)."""
    means = data.one_hot.T @ points / data.counts[:, None]
    residuals = points - means[data.labels]
    sums = data.one_hot.T @ residuals**2
    variances = sums / data.counts[:, None]
    variances[data.counts == 1] = sums.sum(axis=0) / len(data)
    if spherical:
        variances[:] = variances.mean(axis=1, keepdims=True)
    if floor is None:
        total = points.var(axis=0)
        floor = LEAST_VARIANCE * float(total[total > 0].mean())
    return means, np.maximum(variances, floor)


def _bhattacharyya(means: Array, variances: Array) -> Array:
    """Distances between Gaussians with diagonal covariance, infinite to themselves, (C, C)."""
    logs = np.log(variances).sum(axis=1)
    distances = np.empty((len(means), len(means)))
    for one, (mean, variance) in enumerate(zip(means, variances, strict=True)):
        middle = (variances + variance) / 2
        apart = ((means - mean) ** 2 / middle).sum(axis=1) / 8
        distances[one] = apart + np.log(middle).sum(axis=1) / 2 - (logs + logs[one]) / 4
    np.fill_diagonal(distances, np.inf)
    return distances


def _standardised(data: FeatureSet) -> Array:
    """Rows of standardised channels, less their mean and of norm one (or zero), (N, D')."""
    spread = data.centred.std(axis=0)
    rows: Array = data.centred[:, spread > 0] / spread[spread > 0]
    rows -= rows.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    # what rounding leaves of an image whose channels are all equal
    rows[norms[:, 0] <= 1e-12 * np.sqrt(data.width)] = 0.0
    rows /= np.where(norms > 0, norms, 1.0)
    return rows


def _pairs(rows: Array, labels: NDArray[np.int64]) -> tuple[Array, NDArray[np.bool_]]:
    """Distances of all pairs of rows, and whether their labels are the same."""
    count, step, start = len(rows), 512, 0
    distances = np.empty(count * (count - 1) // 2)
    same = np.empty(len(distances), dtype=bool)
    for first in range(0, count, step):
        correlation = rows[first : first + step] @ rows[first:].T
        upper = np.triu_indices(len(correlation), 1, correlation.shape[1])
        end = start + len(upper[0])
        # equal distances must be equal numbers, for they share a rank
        distances[start:end] = 1.0 - np.round(correlation[upper], DECIMALS)
        same[start:end] = labels[first + upper[0]] == labels[first + upper[1]]
        start = end
    return distances, same


def _rank_correlation(ordered: Array, own: Array) -> float:
    """Spearman's coefficient of sorted distances with "not among ``own``", ties at mid-rank."""
    total, few = len(ordered), len(own)
    edges = np.flatnonzero(np.diff(ordered, prepend=-np.inf, append=np.inf))
    ties = np.diff(edges).astype(np.float64)
    spread = (float(total) ** 3 - total - (ties**3 - ties).sum()) / 12
    ranks = (ordered.searchsorted(own, "left") + ordered.searchsorted(own, "right") + 1) / 2
    covariance = few * (total + 1) / 2 - float(ranks.sum())
    return float(covariance / np.sqrt(spread * few * (total - few) / total))
