"""NCTI: how near the features of a target are to neural collapse, in three parts."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg

from acrank.metrics.discriminant import LEAST_SHRINKAGE, posterior, scatter_of, shrink, true_mean
from acrank.metrics.feature_set import Array, FeatureSet, as_feature_set, is_constant, warn_single
from acrank.metrics.guards import checked, warn_guard

# Principal components kept, and those of them whose variance sets the shrinkage.
COMPONENTS = 64
LEADING = 32


class NctiParts(NamedTuple):
    """The three parts of NCTI, each the higher the nearer to collapse.

    Attributes:
        vc: variability collapse, see :func:`ncti_vc`.
        seli: nearness to the simplex-encoded-label geometry, see :func:`ncti_seli`.
        ncc: nearest-centre classification, see :func:`ncti_ncc`.
    """

    vc: float
    seli: float
    ncc: float


def ncti_parts(features: ArrayLike | FeatureSet, labels: ArrayLike | None = None) -> NctiParts:
    """The three parts of NCTI, from one discriminant analysis.

    Wang, Luo, Zheng, Huang and Baktashmotlagh, "How Far Pre-trained Models Are from Neural
    Collapse on the Target Dataset Informs their Transferability", ICCV 2023. The parts are
    rescaled over a zoo and summed: see :func:`acrank.metrics.relative.min_max_sum`. They are
    those of the released code:

    The features are reduced to their first ``k = min(64, rank)`` principal components. In
    these, with the within-class and total covariances W and T (divided by N), both shrunk by
    ``l = max(exp(-v), 1e-10)`` toward their mean eigenvalue, where v is the summed variance of
    the first 32 components (divided by N - 1): the discriminant directions are the leading
    C - 1 generalised eigenvectors V of ``T - W`` to W, with ``V' W V = I``, and P (N, C) the
    class probabilities of the Gaussian classes of covariance W. The released code asks a
    library for this; at ``l = 1e-10`` that library divides W by N - C and drops directions,
    while the formula here stays the same for every model, as a comparison needs.

    l falls with the features' scale, so that the parts are not free of scale; zero columns and
    rotations change nothing.

    Args:
        features: (N, D), or a set.
        labels: class ids (N,).

    Returns:
        The parts; all NaN where no class varies within itself.

    Warns:
        GuardWarning: n-below-d where N - C < k, so that W is singular; single-sample-class;
            saturated where ``ncc`` is 1; constant-features.

    Raises:
        MetricError: see :func:`acrank.metrics.feature_set.as_feature_set`.
    """
    data = as_feature_set(features, labels)
    if is_constant(data):
        return NctiParts(math.nan, math.nan, math.nan)
    rows = np.ascontiguousarray(data.coordinates[:, :COMPONENTS])
    scatter = scatter_of(rows, data)
    if np.abs(scatter.residuals).max() <= 1e-12 * np.abs(rows).max():
        warn_guard("constant-features", "no class varies within itself")
        return NctiParts(math.nan, math.nan, math.nan)
    _warn(data, rows.shape[1])
    shrinkage = _shrinkage(data)
    within = shrink(scatter.within, shrinkage, len(scatter.within))
    probabilities = posterior(rows, scatter.means, within, data)
    total = shrink(rows.T @ rows / len(rows), shrinkage, len(within))
    return NctiParts(
        _variability(probabilities, data),
        _geometry(rows, total, within, data),
        checked(true_mean(probabilities, data), 0.0, 1.0),
    )


def ncti_vc(features: ArrayLike | FeatureSet, labels: ArrayLike | None = None) -> float:
    """Within-class variability collapse, ``- log sum_c ||P_c||_*``.

    P_c (n_c, C) are the class probabilities of the images of class c, see :func:`ncti_parts`,
    and ``||.||_*`` the sum of the singular values: the fewer patterns of confusion a class has,
    the higher. An undecided classifier, with all rows alike, scores above a perfect one.

    Args:
        features: (N, D), or a set.
        labels: class ids (N,).

    Returns:
        From ``-log sum_c sqrt(n_c min(n_c, C))`` to ``-log sum_c sqrt(n_c / C)``, higher is
        better.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import ncti_vc
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(ncti_vc(features, labels), 3)
        -2.761
    """
    return ncti_parts(features, labels).vc


def ncti_seli(features: ArrayLike | FeatureSet, labels: ArrayLike | None = None) -> float:
    """Nearness to the geometry of simplex-encoded labels, ``||Z||_*``.

    Z (N, C - 1) are the centred features in discriminant space, see :func:`ncti_parts`; its
    singular values are ``sqrt(N (1 + between / within))`` for each direction without shrinkage.

    Args:
        features: (N, D), or a set.
        labels: class ids (N,).

    Returns:
        At least 0, without an upper bound, higher is better.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import ncti_seli
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(ncti_seli(features, labels), 3)
        19.924
    """
    return ncti_parts(features, labels).seli


def ncti_ncc(features: ArrayLike | FeatureSet, labels: ArrayLike | None = None) -> float:
    """Nearest-centre classification: the mean probability of the true class.

    Under the Gaussian classes of :func:`ncti_parts`, whose shared covariance makes them a
    nearest-centre classifier.

    Args:
        features: (N, D), or a set.
        labels: class ids (N,).

    Returns:
        A probability in (0, 1], higher is better.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import ncti_ncc
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(ncti_ncc(features, labels), 3)
        0.638
    """
    return ncti_parts(features, labels).ncc


def _warn(data: FeatureSet, components: int) -> None:
    warn_single(data)
    freedom = len(data) - data.classes
    if freedom < components:
        warn_guard(
            "n-below-d",
            f"{freedom} images beyond classes, {components} components",
        )


def _shrinkage(data: FeatureSet) -> float:
    variance = float(data.spectrum.eigenvalues[:LEADING].sum()) / (len(data) - 1)
    return max(math.exp(-variance), LEAST_SHRINKAGE)


def _variability(probabilities: Array, data: FeatureSet) -> float:
    total = sum(
        float(np.linalg.svd(probabilities[data.labels == label], compute_uv=False).sum())
        for label in range(data.classes)
    )
    least = -math.log(float(np.sqrt(data.counts * np.minimum(data.counts, data.classes)).sum()))
    most = -math.log(float(np.sqrt(data.counts / data.classes).sum()))
    return checked(-math.log(total), least, most, saturates=False)


def _geometry(rows: Array, total: Array, within: Array, data: FeatureSet) -> float:
    size = len(within)
    kept = min(data.classes - 1, size)
    vectors = linalg.eigh(total - within, within, subset_by_index=[size - kept, size - 1])[1]
    value = float(np.linalg.svd(rows @ vectors, compute_uv=False).sum())
    return checked(value, 0.0, math.inf, saturates=False)
