"""Linear discriminant analysis as a transferability score: SFDA, and the class term of ETran.

Both ask how probable the true class of an image is under Gaussian classes with one shared,
shrunk covariance, fitted to the very images it is asked of. They are computed in the principal
coordinates of the features, where N < D costs no more than N = D.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg
from scipy.special import softmax

from acrank.metrics.feature_set import (
    Array,
    FeatureSet,
    as_feature_set,
    is_constant,
    warn_few,
    warn_single,
)
from acrank.metrics.guards import checked, warn_guard

# SFDA: the rate in exp(-a sigma), the least shrinkage, and the rounds of the power iteration.
RATE = 5.0
LEAST_SHRINKAGE = 1e-10
ROUNDS = 3


class Scatter(NamedTuple):
    """Means and spread of some rows (N, r) by class.

    Attributes:
        means: mean of each class, shape (C, r).
        residuals: rows less their class mean, shape (N, r).
        within: within-class covariance, divided by N, shape (r, r).
    """

    means: Array
    residuals: Array
    within: Array


def sfda(
    features: ArrayLike | FeatureSet,
    labels: ArrayLike | None = None,
    *,
    rounds: int | None = ROUNDS,
) -> float:
    """Self-challenging Fisher discriminant analysis: mean probability of the true class.

    Shao et al., "Not All Models Are Equal: Predicting Model Transferability in a
    Self-challenging Fisher Space", ECCV 2022 (arXiv 2207.03036). With the within-class
    covariance ``S`` (divided by N) and its largest eigenvalue sigma:

    1. ``S_l = (1 - l) S + l tr(S) / D I`` with ``l = max(exp(-5 sigma), 1e-10)``;
    2. ``p(c | x) = softmax_c(x' S_l^-1 m_c - m_c' S_l^-1 m_c / 2 + log n_c / N)``, softened by
       a second softmax, ``q = softmax(p)``;
    3. ConfMix: each image of class c moves toward the mean m of the other classes' means,
       ``x <- q_c x + (1 - q_c) m``;
    4. steps 1 and 2 again on the moved images, with the same l.

    D counts every column: a constant one leaves S as it is but lowers ``tr(S) / D``, so that
    appending zero columns changes the score a little (digits: 0.803241 with 64 columns,
    0.802290 with the 61 that vary). The released sigma is not the eigenvalue but three rounds of
    power iteration from ``S 1``; where they have not converged, it falls short of the
    eigenvalue and l exceeds its definition (digits: 0.200 against 0.175). The default is that
    form, in which the published numbers are; ``rounds=None`` takes the eigenvalue, which no
    rotation of the features changes.

    Args:
        features: (N, D), or a set.
        labels: class ids (N,).
        rounds: number of power iterations; None for the exact eigenvalue.

    Returns:
        A probability in (0, 1], higher is better; NaN where no class varies within itself.

    Warns:
        GuardWarning: saturated at 1 (linearly separable images under little shrinkage);
            n-below-d; single-sample-class; constant-features.

    Raises:
        MetricError: see :func:`acrank.metrics.feature_set.as_feature_set`.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import sfda
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(sfda(features, labels), 3)
        0.442
    """
    data = as_feature_set(features, labels)
    rows, scatter = _fit(data)
    if scatter is None:
        return float("nan")
    sigma = _largest(scatter.within, _ones(data), rounds)
    shrinkage = max(float(np.exp(-RATE * sigma)), LEAST_SHRINKAGE)
    first = posterior(rows, scatter.means, shrink(scatter.within, shrinkage, data.width), data)
    mixed = _confmix(rows, scatter.means, softmax(first, axis=1), data)
    scatter = scatter_of(mixed, data)
    second = posterior(mixed, scatter.means, shrink(scatter.within, shrinkage, data.width), data)
    return checked(true_mean(second, data), 0.0, 1.0)


def etran_lda(features: ArrayLike | FeatureSet, labels: ArrayLike | None = None) -> float:
    """The classification term of ETran: mean probability of the true class under LDA.

    Gholami et al., "ETran: Energy-Based Transferability Estimation", ICCV 2023 (arXiv
    2308.02027): ``mean_n p(y_n | x_n)``, with p from Gaussian classes that share a covariance,
    ``softmax_c(x' S^-1 m_c - m_c' S^-1 m_c / 2 + log n_c / N)``. Like the released code, it
    averages probabilities, not their logarithms.

    The released code takes the eigenvectors of ``S_W^-1 S_B`` with a routine for symmetric
    matrices, which that product is not; they come out orthonormal, the covariance cancels, and
    what is left is the nearest class mean. Here S is the pooled within-class covariance,
    shrunk toward ``tr / d I`` by the intensity of Ledoit and Wolf (2004), d being the channels
    that vary, so that it is defined for N < D and depends on no scale, rotation or zero column.

    Args:
        features: (N, D), or a set.
        labels: class ids (N,).

    Returns:
        A probability in (0, 1], higher is better; NaN where no class varies within itself.

    Warns:
        GuardWarning: saturated at 1; n-below-d; single-sample-class; constant-features.

    Raises:
        MetricError: see :func:`acrank.metrics.feature_set.as_feature_set`.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import etran_lda
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(etran_lda(features, labels), 3)
        0.613
    """
    data = as_feature_set(features, labels)
    rows, scatter = _fit(data)
    if scatter is None:
        return float("nan")
    width = int((data.features != data.features[0]).any(axis=0).sum())
    covariance = shrink(scatter.within, _ledoit_wolf(scatter, width), width)
    return checked(true_mean(posterior(rows, scatter.means, covariance, data), data), 0.0, 1.0)


def scatter_of(rows: Array, data: FeatureSet) -> Scatter:
    """Class means, residuals and within-class covariance of rows (N, r)."""
    means: Array = data.one_hot.T @ rows / data.counts[:, None]
    residuals = rows - means[data.labels]
    return Scatter(means, residuals, residuals.T @ residuals / len(rows))


def shrink(covariance: Array, intensity: float, width: int) -> Array:
    """``(1 - intensity) S + intensity tr(S) / width I`` of a covariance S (r, r)."""
    shrunk = (1.0 - intensity) * covariance
    shrunk.flat[:: len(shrunk) + 1] += intensity * np.trace(covariance) / width
    return shrunk


def posterior(rows: Array, means: Array, covariance: Array, data: FeatureSet) -> Array:
    """Class probabilities of rows (N, r) under Gaussian classes with one covariance, (N, C)."""
    directions = _solve(covariance, means.T)
    offsets = np.log(data.counts / len(data)) - 0.5 * np.einsum("cr,rc->c", means, directions)
    probabilities: Array = softmax(rows @ directions + offsets, axis=1)
    return probabilities


def true_mean(probabilities: Array, data: FeatureSet) -> float:
    """Mean probability of the true class, of probabilities (N, C)."""
    return float(probabilities[np.arange(len(data)), data.labels].mean())


def _fit(data: FeatureSet) -> tuple[Array, Scatter | None]:
    """Coordinates and their scatter, None without spread; warns of what limits both metrics."""
    if is_constant(data):
        return data.features, None
    warn_few(data)
    warn_single(data)
    rows = data.coordinates
    scatter = scatter_of(rows, data)
    # residuals that are rounding of the class means, not spread
    if np.abs(scatter.residuals).max() <= 1e-12 * np.abs(rows).max():
        warn_guard("constant-features", "no class varies within itself")
        return rows, None
    return rows, scatter


def _ones(data: FeatureSet) -> Array:
    """The vector of ones (D,) in the principal coordinates (r,)."""
    sums = data.centred.sum(axis=1)
    ones: Array = data.coordinates.T @ sums / data.spectrum.eigenvalues
    return ones


def _largest(matrix: Array, start: Array, rounds: int | None) -> float:
    """The largest eigenvalue, or its power iteration of two products a round."""
    vector = matrix @ start
    if rounds is None or not vector.any():
        last = len(matrix) - 1
        return float(linalg.eigvalsh(matrix, subset_by_index=[last, last])[0])
    value = 0.0
    for _ in range(2 * rounds):
        vector = matrix @ (vector / np.linalg.norm(vector))
        value = float(np.linalg.norm(vector))
    return value


def _confmix(rows: Array, means: Array, soft: Array, data: FeatureSet) -> Array:
    """Each row moved toward the other classes, the farther the less sure it is of its own."""
    others = (means.sum(axis=0) - means) / (len(means) - 1)
    own = soft[np.arange(len(data)), data.labels][:, None]
    mixed: Array = own * rows + (1.0 - own) * others[data.labels]
    return mixed


def _ledoit_wolf(scatter: Scatter, width: int) -> float:
    """Shrinkage intensity of residuals of known mean, in ``width`` dimensions."""
    residuals, within = scatter.residuals, scatter.within
    squared = float((within**2).sum())
    spread = squared - float(np.trace(within)) ** 2 / width
    fourth = float((np.einsum("nr,nr->n", residuals, residuals) ** 2).mean())
    noise = (fourth - squared) / len(residuals)
    return 1.0 if spread <= 0.0 else min(max(noise / spread, 0.0), 1.0)


def _solve(covariance: Array, right: Array) -> Array:
    """Solve with a positive definite matrix; where rounding left it indefinite, mend it first."""
    try:
        factor = linalg.cho_factor(covariance)
    except linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
        values = np.maximum(values, np.finfo(np.float64).eps * values[-1])
        mended: Array = vectors @ ((vectors.T @ right) / values[:, None])
        return mended
    solution: Array = linalg.cho_solve(factor, right)
    return solution
