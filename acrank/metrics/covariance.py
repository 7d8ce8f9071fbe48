"""Scores that compare the spread between classes with the spread of all images."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from acrank.metrics.feature_set import (
    Array,
    FeatureSet,
    as_feature_set,
    is_constant,
    warn_few,
    warn_single,
)
from acrank.metrics.guards import checked

ClassWeights = Literal["frequency", "equal"]


def h_score(features: ArrayLike | FeatureSet, labels: ArrayLike | None = None) -> float:
    """H-score: between-class variance of whitened features.

    ``trace(pinv(cov(f)) cov(E[f|y]))``. With fewer images than channels it is the number of
    classes less one, whatever the features (guards ``n-below-d`` and ``saturated``).

    Args:
        features: (N, D), or a set of features with labels.
        labels: class ids (N,).

    Returns:
        In [0, min(rank, C - 1)], higher is better. Unchanged by any invertible linear map of
        the features; NaN where they are constant.

    Raises:
        MetricError: arrays that do not fit together.

    Source:
        Bao et al., An Information-Theoretic Approach to Transferability in Task Transfer
        Learning, ICIP 2019 (arXiv 2212.10082).

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import h_score
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(h_score(features, labels), 3)
        0.765
    """
    data = as_feature_set(features, labels)
    if is_constant(data):
        return math.nan
    warn_few(data)
    value = float((_class_shares(data)).sum())
    return checked(value, 0.0, min(len(data.spectrum.eigenvalues), data.classes - 1))


def h_score_regularised(features: ArrayLike | FeatureSet, labels: ArrayLike | None = None) -> float:
    """H-score with a Ledoit-Wolf covariance, which fewer images than channels do not saturate.

    ``trace(cov_a(f)^-1 (1 - a) cov(E[f|y]))`` with the shrunk covariance
    ``cov_a = (1 - a) S + a tr(S) / D I``. As the authors have it, S is divided by N and
    cov(E[f|y]) by N - 1. Channels without variance count in D.

    Args:
        features: (N, D), or a set of features with labels.
        labels: class ids (N,).

    Returns:
        In [0, min(rank, C - 1) N / (N - 1)], higher is better. Unchanged by rotation and
        scale of the features; NaN where they are constant.

    Raises:
        MetricError: arrays that do not fit together.

    Source:
        Ibrahim, Ponomareva, Mazumder, Newer is not always better: Rethinking transferability
        metrics, their peculiarities, stability and performance, ECML PKDD 2022 (arXiv
        2110.06893); Ledoit, Wolf, Journal of Multivariate Analysis 88, 2004.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import h_score_regularised
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(h_score_regularised(features, labels), 3)
        0.099
    """
    data = as_feature_set(features, labels)
    if is_constant(data):
        return math.nan
    eigenvalues = data.spectrum.eigenvalues
    shrinkage = ledoit_wolf_shrinkage(data)
    target = eigenvalues.sum() / data.width
    kept = (1 - shrinkage) * eigenvalues
    unbiased = len(data) / (len(data) - 1)
    value = float((_class_shares(data) * kept / (kept + shrinkage * target)).sum())
    return checked(value * unbiased, 0.0, min(len(eigenvalues), data.classes - 1) * unbiased)


def ledoit_wolf_shrinkage(data: FeatureSet) -> float:
    """The weight of the identity in the Ledoit-Wolf covariance of a set's features, in [0, 1]."""
    count, width = len(data), data.width
    eigenvalues = data.spectrum.eigenvalues / count
    scale = eigenvalues.sum() / width
    squares = float((eigenvalues**2).sum())
    spread = squares / width - scale**2
    fourth = float((np.einsum("nd,nd->n", data.centred, data.centred) ** 2).sum()) / count
    noise = min((fourth - squares) / (width * count), spread)
    return noise / spread if spread > 0 else 1.0


def transrate(
    features: ArrayLike | FeatureSet,
    labels: ArrayLike | None = None,
    *,
    epsilon: float = 1e-4,
    class_weights: ClassWeights = "frequency",
) -> float:
    """TransRate: the coding rate of the features less that of each class's features, in nats.

    ``R(Z) - sum_c w_c R(Z_c)`` with ``R(Z) = 1/2 log det(I + Z'Z / (N epsilon))`` of features
    centred over all images. The literature has two weightings: ``frequency`` is the paper's
    formula (w_c = n_c / N) and the default; ``equal`` is the mean over classes of the authors'
    code. With fewer images than channels every class spans its own directions, and the value
    tells the features' size rather than their classes (guard ``n-below-d``).

    Args:
        features: (N, D), or a set of features with labels.
        labels: class ids (N,).
        epsilon: distortion, in squared units of the features.
        class_weights: see above.

    Returns:
        At least 0 with ``frequency``, higher is better. Unchanged by rotation, not by scale;
        NaN where the features are constant.

    Raises:
        MetricError: arrays that do not fit together.

    Source:
        Huang et al., Frustratingly Easy Transferability Estimation, ICML 2022 (arXiv
        2106.09362).

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import transrate
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(transrate(features, labels), 3)
        0.208
    """
    data = as_feature_set(features, labels)
    if is_constant(data):
        return math.nan
    warn_few(data)
    warn_single(data)
    weights = data.counts / len(data)
    if class_weights == "equal":
        weights = np.full(data.classes, 1 / data.classes)
    rates = [_rate(data.centred[data.labels == c], epsilon) for c in range(data.classes)]
    whole = 0.5 * float(np.log1p(data.spectrum.eigenvalues / (len(data) * epsilon)).sum())
    low = 0.0 if class_weights == "frequency" else -math.inf
    return checked(whole - float(weights @ rates), low, math.inf)


def _class_shares(data: FeatureSet) -> Array:
    """Compute for each principal axis the share of its variance between classes, (r,)."""
    shares: Array = (data.spectrum.class_sums**2 / data.counts).sum(axis=1)
    return shares


def _rate(rows: Array, epsilon: float) -> float:
    count, width = rows.shape
    gram = rows @ rows.T if count <= width else rows.T @ rows
    gram *= 1 / (count * epsilon)
    gram[np.diag_indices_from(gram)] += 1.0
    return float(np.log(np.diagonal(np.linalg.cholesky(gram))).sum())
