"""The energy term of ETran: how much the features of a target look like those of the source."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from acrank.errors import MetricError
from acrank.metrics.feature_set import Array, FeatureSet
from acrank.metrics.guards import checked

# The share of images, those of lowest score, in the released benchmark.
BENCHMARK_BOTTOM = 0.005


def etran_energy(features: ArrayLike | FeatureSet, *, bottom: float = 1.0) -> float:
    """Negative free energy of the features, averaged over images; needs no labels.

    Gholami et al., "ETran: Energy-Based Transferability Estimation", ICCV 2023 (arXiv
    2308.02027): ``mean_n log sum_d exp(x_nd)`` over the target's images. Images from the
    source's distribution are to have the higher values.

    The released benchmark averages the lowest half percent of the images, rounded down, which
    is none of fewer than 200: ``bottom=0.005`` does the same, with at least one image.

    In nats, but of features of arbitrary scale: ``max_d x_d <= value <= max_d x_d + log D``
    for each image, so that the score tells as much of a network's width and output scale as of
    the target. Zero columns and rescaling change it; label ids do not matter.

    Args:
        features: (N, D), or a set.
        bottom: share of the images to average, those of lowest value first, in (0, 1].

    Returns:
        Any real number, higher is better; NaN where it overflows.

    Warns:
        GuardWarning: not-finite, where it overflows; no other guard means anything here.

    Raises:
        MetricError: features that are no finite matrix, or a share outside (0, 1].

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import etran_energy
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(etran_energy(features), 3)
        2.013
    """
    if not 0.0 < bottom <= 1.0:
        raise MetricError(f"bottom is {bottom}.", hint="It is a share of the images, in (0, 1].")
    values = np.sort(logsumexp(_matrix(features), axis=1))
    kept = max(1, math.floor(bottom * len(values) + 1e-9))
    with np.errstate(over="ignore"):  # guarded below
        mean = float(values[:kept].mean())
    return checked(mean, -math.inf, math.inf, saturates=False)


def _matrix(features: ArrayLike | FeatureSet) -> Array:
    """The features as a matrix, checked, without the labels that other metrics ask for."""
    if isinstance(features, FeatureSet):
        return features.features
    matrix = np.asarray(features, dtype=np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape or not np.isfinite(matrix).all():
        raise MetricError(f"features {matrix.shape} must be a finite matrix (N, D).")
    return matrix
