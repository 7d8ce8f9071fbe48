"""Scores of how well outputs of the source head, or of a clustering, predict the labels."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from acrank.metrics.feature_set import (
    Array,
    FeatureSet,
    as_feature_set,
    from_source_probs,
    is_constant,
)
from acrank.metrics.guards import checked, warn_guard
from acrank.metrics.linear import steady_order

# Of the clustering behind N-LEEP: the share of variance that its axes keep and the number of
# components a class, both its authors'; and images a component at least, ours.
VARIANCE_KEPT = 0.8
COMPONENTS = 5
IMAGES = 5

# Added to a component's variances, relative to the mean variance of the axes.
LEAST_VARIANCE = 1e-6

EM_STEPS = 100


def leep(source_probs: ArrayLike | FeatureSet, labels: ArrayLike | None = None) -> float:
    """LEEP: mean log-likelihood of the labels, predicted through the source classes.

    Nguyen, Hassner, Seeger and Archambeau, "LEEP: A New Measure to Evaluate Transferability of
    Learned Representations", ICML 2020, arXiv 2002.12462. With the source head's probabilities
    theta and ``P(y, z) = mean of theta(x)_z over images of class y, times their share``:
    ``mean over images of log(sum over z of P(y | z) theta(x)_z)``. Rows of theta are scaled to
    sum to one exactly.

    Guards: ``constant-features`` where the head says the same of every image (the value is
    then ``-H(Y)``), ``saturated`` at 0.

    Args:
        source_probs: probabilities over K source classes (N, K), or a set that holds them.
        labels: class ids (N,); left out where a set is given.

    Returns:
        Nats an image, in [-H(Y), 0] with the labels' entropy H(Y) <= log C; higher is better.

    Raises:
        MetricError: no probabilities, or see
            :func:`acrank.metrics.feature_set.from_source_probs`.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import leep
        >>> labels = np.array([0, 1, 2, 0, 1, 2])
        >>> source_probs = np.full((6, 3), 0.1) + 0.7 * np.eye(3)[[0, 1, 2, 0, 1, 1]]
        >>> round(leep(source_probs, labels), 3)
        -0.631
    """
    data = from_source_probs(source_probs, labels)
    theta = _theta(data)
    if (theta == theta[0]).all():
        warn_guard("constant-features", "the source head gives every image the same probabilities")
    return checked(_leep(theta, data), -_entropy(data.counts), 0.0)


def nce(source_probs: ArrayLike | FeatureSet, labels: ArrayLike | None = None) -> float:
    """NCE: minus the entropy of the label, given the source class predicted, ``-H(Y | Z)``.

    Tran, Nguyen and Hassner, "Transferability and Hardness of Supervised Classification
    Tasks", ICCV 2019, arXiv 1908.08142, with Z the source head's most probable class (the
    first of equals), as LEEP's authors compare with: ``sum over y, z of P(y, z) log P(y | z)``.

    Guards: ``interpolating`` where every image has a source class of its own (then 0, whatever
    the labels), ``constant-features`` where all share one (``-H(Y)``), ``saturated`` at 0.

    Args:
        source_probs: probabilities over K source classes (N, K), or a set that holds them.
        labels: class ids (N,); left out where a set is given.

    Returns:
        Nats an image, in [-H(Y), 0] with the labels' entropy H(Y) <= log C; higher is better.

    Raises:
        MetricError: no probabilities, or see
            :func:`acrank.metrics.feature_set.from_source_probs`.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import nce
        >>> labels = np.array([0, 1, 2, 0, 1, 2])
        >>> source_probs = np.full((6, 3), 0.1) + 0.7 * np.eye(3)[[0, 1, 2, 0, 1, 1]]
        >>> round(nce(source_probs, labels), 3)
        -0.318
    """
    data = from_source_probs(source_probs, labels)
    used, assigned = np.unique(_theta(data).argmax(axis=1), return_inverse=True)
    if len(used) == len(data):
        warn_guard("interpolating", "every image has a source class of its own")
    if len(used) == 1:
        warn_guard("constant-features", "the source head gives every image the same class")
    joint = np.zeros((data.classes, len(used)))
    np.add.at(joint, (data.labels, assigned), 1.0)
    given = _entropy(joint.ravel()) - _entropy(joint.sum(axis=0))
    return checked(-given, -_entropy(data.counts), 0.0)


def nleep(
    features: ArrayLike | FeatureSet, labels: ArrayLike | None = None, *, seed: int = 0
) -> float:
    """N-LEEP: LEEP with the components of a Gaussian mixture in place of source classes.

    Li, Jia, Sang, Zhu, Green, Wang and Gong, "Ranking Neural Checkpoints", CVPR 2021, arXiv
    2011.11200: features along the principal axes that keep 80 % of the variance, a mixture of
    5 C Gaussians fitted to them, and LEEP on its posteriors of the same images. Two departures
    make it feasible with thousands of channels and few images: covariances are diagonal, and
    there are at least five images a component on average. EM stops after 100 steps.

    Images enter in an order that does not depend on how they are given, so that the seed alone
    decides where clustering starts; rotation and scale change nothing but rounding, which may
    yet move an image between clusters.

    Guards: ``saturated`` at 0, ``constant-features`` (NaN).

    Args:
        features: (N, D), or a set already made.
        labels: class ids (N,); left out where a set is given.
        seed: seed of the k-means that EM starts from.

    Returns:
        Nats an image, in [-H(Y), 0] with the labels' entropy H(Y) <= log C; higher is better.

    Raises:
        MetricError: see :func:`acrank.metrics.feature_set.as_feature_set`.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import nleep
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(nleep(features, labels), 3)
        -0.609
    """
    data = as_feature_set(features, labels)
    if is_constant(data):
        return float("nan")
    posteriors = _posteriors(_main_axes(data), data, seed)
    return checked(_leep(posteriors, data), -_entropy(data.counts), 0.0)


def _theta(data: FeatureSet) -> Array:
    assert data.source_probs is not None  # from_source_probs saw to it
    theta: Array = data.source_probs / data.source_probs.sum(axis=1, keepdims=True)
    return theta


def _leep(theta: Array, data: FeatureSet) -> float:
    joint = data.one_hot.T @ theta
    mass = joint.sum(axis=0)
    # a source class that no image is given any of has no say
    given = joint / np.where(mass > 0, mass, 1.0)
    expected = np.einsum("nk,nk->n", theta, given[data.labels])
    return float(np.log(expected).mean())


def _entropy(counts: Array) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _main_axes(data: FeatureSet) -> Array:
    """Features along the axes that keep most variance, which is one on average, (N, p)."""
    spectrum = data.spectrum
    shares = np.cumsum(spectrum.eigenvalues) / spectrum.eigenvalues.sum()
    # rounding must not decide where the share is met exactly
    count = min(int((shares < VARIANCE_KEPT - 1e-9).sum()) + 1, len(shares))
    first = spectrum.basis[:, :count]
    points = first if spectrum.by_sample else data.centred @ first
    if spectrum.by_sample:
        points = points * np.sqrt(spectrum.eigenvalues[:count])
    scaled: Array = points / np.sqrt(spectrum.eigenvalues[:count].sum() / (len(data) * count))
    return scaled


def _posteriors(points: Array, data: FeatureSet, seed: int) -> Array:
    """Probabilities of the components of a mixture fitted to the points, shape (N, K)."""
    distinct = len(np.unique(points.round(9), axis=0))
    count = min(COMPONENTS * data.classes, max(2, len(points) // IMAGES), distinct)
    mixture = GaussianMixture(
        count, covariance_type="diag", reg_covar=LEAST_VARIANCE, max_iter=EM_STEPS,
        random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        # a hundred steps are what is asked for, converged or not
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(points[steady_order(data)])
    posteriors: Array = mixture.predict_proba(points)
    return posteriors
