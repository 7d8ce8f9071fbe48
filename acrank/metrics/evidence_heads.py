"""PACTran: bounds on the error of a fine-tuned head, from a head fitted to the sample."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from acrank.errors import MetricError
from acrank.metrics.feature_set import (
    Array,
    FeatureSet,
    as_feature_set,
    from_source_probs,
    is_constant,
    warn_few,
)
from acrank.metrics.guards import checked
from acrank.metrics.logistic import LogisticProblem, with_ones

# Relative decreases of the objective at which the fit of a head stops, in single precision and
# in double.
ROUGH, CLOSE = 1e-5, 1e-9
# PACTran-Dirichlet: relative change at which its iteration stops, and the most rounds.
CHANGE = 1e-9
ROUNDS = 300


def pactran(
    features: ArrayLike | FeatureSet,
    labels: ArrayLike | None = None,
    *,
    penalty: float = 1.0,
    spread: float = 1.0,
) -> float:
    """PACTran-Gaussian: the negative PAC-Bayesian bound of a linear head.

    Ding, Chen, Levinboim, Changpinyo and Soricut, "PACTran: PAC-Bayesian Metrics for Estimating
    the Transferability of Pretrained Models to Classification Tasks", ECCV 2022 (arXiv
    2203.05126). With a Gaussian prior of variance s2 on the weights W (D, C) of a head, an
    isotropic Gaussian posterior and the loss expanded to second order around W, the bound of
    inverse temperature lambda is least at::

        L(W) + ||W||^2 / (2 lambda s2) + C D / (2 lambda) log(1 + lambda s2 tr H / (C D))

    L is the mean cross-entropy, H its Hessian in W, and W minimises the first two terms. The
    bias has no prior; features are centred. The constants of the bound, equal for all models of
    a zoo, are left out.

    The released code goes through a grid, ``lambda s2 / N`` in {10, 1, 0.1} and ``D s2`` in
    {10, 1, 0.1}. The defaults are its middle: the first is scikit-learn's
    ``LogisticRegression(C=1)``. D is the channels that vary, so that
    zero columns change nothing. The released code sums H over the images, and the bias with it,
    where the formula has the mean over images and weights alone: this is the formula.

    Rotations and offsets of the features change nothing; their scale does, through the prior.

    Args:
        features: (N, D), or a set.
        labels: class ids (N,).
        penalty: ``lambda s2 / N``, above 0; larger ones let the head fit closer.
        spread: ``D s2``, above 0; larger ones weigh the flatness more.

    Returns:
        Minus the bound, in nats, at most 0, higher is better. Of constant features it is minus
        the entropy of the labels.

    Warns:
        GuardWarning: n-below-d (such a head can fit any labels, and the prior alone decides);
            constant-features.

    Raises:
        MetricError: a setting that is not positive, or see
            :func:`acrank.metrics.feature_set.as_feature_set`.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import pactran
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(pactran(features, labels), 3)
        -0.707
    """
    if not (penalty > 0.0 and spread > 0.0):
        raise MetricError(f"penalty {penalty} and spread {spread} must be above 0.")
    data = as_feature_set(features, labels)
    if is_constant(data):
        share = data.counts / len(data)
        return float((share * np.log(share)).sum())
    warn_few(data)
    rows, strength = data.coordinates, penalty * len(data)
    weights, probabilities = _head(rows, data, 1.0 / penalty)
    width = int((data.features != data.features[0]).any(axis=0).sum())
    size = width * data.classes
    flatness = math.log1p(strength * _trace(rows, probabilities) / size)
    loss = -float(np.log(probabilities[np.arange(len(data)), data.labels]).mean())
    bound = loss + float((weights**2).sum()) / (2 * strength)
    bound += 0.5 * data.classes * spread / strength * flatness
    return checked(-bound, -math.inf, 0.0, saturates=False)


def pactran_dirichlet(
    source_probs: ArrayLike | FeatureSet,
    labels: ArrayLike | None = None,
    *,
    concentration: float = 1.0,
) -> float:
    """PACTran-Dirichlet: the evidence of a map from source classes to target classes.

    Ding et al., ECCV 2022 (arXiv 2203.05126). A head ``p(y | x) = sum_z w_yz theta_z(x)`` on
    source probabilities theta, each column of w with a Dirichlet prior of parameters
    ``a0 = concentration * n_y / N``; lambda is N. With responsibilities q of source classes for
    images and ``a_yz = a0_y + sum_{n in y} q_nz``, the bound is the variational evidence::

        sum_z (log B(a_z) - log B(a0)) - sum_nz q_nz log(q_nz / theta_nz)

    which alternates between a and ``q_nz ~ theta_nz exp(digamma(a_yz) - digamma(sum_y a_yz))``
    until it stands still. The released code stops after ten rounds, with q one step ahead of
    a, and divides by the number of classes too.

    Unlike LEEP, it pays for each source class that it has to explain.

    Args:
        source_probs: probabilities over the K source classes (N, K), or a set that has them.
        labels: class ids (N,).
        concentration: total of the prior's parameters, above 0.

    Returns:
        The evidence in nats an image, at most 0, higher is better.

    Raises:
        MetricError: a concentration that is not positive, no source probabilities, or see
            :func:`acrank.metrics.feature_set.as_feature_set`.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import pactran_dirichlet
        >>> labels = np.array([0, 1, 2, 0, 1, 2])
        >>> source_probs = np.full((6, 3), 0.1) + 0.7 * np.eye(3)[[0, 1, 2, 0, 1, 1]]
        >>> round(pactran_dirichlet(source_probs, labels), 3)
        -1.211
    """
    if not concentration > 0.0:
        raise MetricError(f"concentration is {concentration}; it must be above 0.")
    data = from_source_probs(source_probs, labels)
    assert data.source_probs is not None
    prior = concentration * data.counts / len(data)
    groups = [data.source_probs[data.labels == label] for label in range(data.classes)]
    counts = np.stack([group.sum(axis=0) for group in groups])
    evidence = -math.inf
    for _ in range(ROUNDS):
        previous, (counts, evidence) = evidence, _round(groups, counts, prior)
        if evidence - previous <= CHANGE * abs(evidence):
            break
    return checked(evidence / len(data), -math.inf, 0.0, saturates=False)


def _head(rows: Array, data: FeatureSet, penalty: float) -> tuple[Array, Array]:
    """Weights (r, C) of a logistic head on coordinates (N, r), and its probabilities (N, C)."""
    # single precision takes half the time, and double starts where it ends
    rough = LogisticProblem(rows.astype(np.float32), data.labels, data.classes)
    start = rough.fit(penalty, tolerance=ROUGH).astype(np.float64)
    problem = LogisticProblem(rows, data.labels, data.classes)
    weights = problem.fit(penalty, start, CLOSE).astype(np.float64)
    probabilities = problem.probabilities(with_ones(rows), weights)
    # a class that is all but ruled out must not have an infinite loss
    return weights[:-1], np.maximum(probabilities, np.finfo(np.float64).tiny)


def _trace(rows: Array, probabilities: Array) -> float:
    """Trace of the Hessian of the mean cross-entropy in the weights."""
    uncertain = 1.0 - (probabilities**2).sum(axis=1)
    return float((uncertain * np.einsum("nr,nr->n", rows, rows)).mean())


def _round(groups: list[Array], counts: Array, prior: Array) -> tuple[Array, float]:
    """New responsibilities summed by class (C, K), and the evidence with theirs.

    The factor of an image's responsibilities depends on its class alone, so that they need
    never be written out: a matrix product a class is all.
    """
    shape = prior[:, None] + counts
    log_factor = digamma(shape) - digamma(shape.sum(axis=0))
    log_factor -= log_factor.max(axis=1, keepdims=True)
    factor = np.exp(log_factor)
    norms = [group @ row for group, row in zip(groups, factor, strict=True)]
    pairs = zip(groups, factor, norms, strict=True)
    counts = np.stack([row * (group.T @ (1.0 / norm)) for group, row, norm in pairs])
    divergence = (counts * log_factor).sum() - sum(float(np.log(norm).sum()) for norm in norms)
    shape = prior[:, None] + counts
    betas = gammaln(shape).sum(axis=0) - gammaln(shape.sum(axis=0))
    start = gammaln(prior).sum() - gammaln(prior.sum())
    return counts, float(betas.sum() - start * counts.shape[1] - divergence)
