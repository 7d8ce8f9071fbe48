"""KITE: do the features' similarities follow the labels rather than those of a random network."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from acrank.errors import MetricError
from acrank.metrics.arrays import Array, as_matrix
from acrank.metrics.feature_set import FeatureSet, as_feature_set, is_constant
from acrank.metrics.guards import checked, warn_guard


def kite(
    features: ArrayLike | FeatureSet,
    labels: ArrayLike | None = None,
    random_features: ArrayLike | None = None,
) -> float:
    """KITE: alignment of the features with the labels, over that with random features.

    Guo, "KITE: A Kernel-based Improved Transferability Estimation Method", arXiv 2405.01603:
    ``CKA(K, K_Y) / CKA(K, K_random)`` with the centred kernel alignment of Cortes, Mohri and
    Rostamizadeh, JMLR 2012, ``<HKH, HLH> / (|HKH| |HLH|)``. Here all kernels are linear: K is
    of the features, K_Y of one-hot labels, K_random of the features of a random network for the
    same images. ``acrank score`` takes for that the candidate's own architecture with every
    layer drawn anew by the run's seed (:mod:`acrank.scoring.random_network`).

    Guards: ``constant-features`` (NaN) where either network gives every image the same.

    Args:
        features: (N, D), or a set already made, with features of a random network.
        labels: class ids (N,); left out where a set is given.
        random_features: (N, D'); likewise.

    Returns:
        0 or more, higher is better: 1 where the features follow the labels as much as they
        follow random ones. Unchanged by rotation, shift and scale of either's features.

    Raises:
        MetricError: no random features, or other rows; or see
            :func:`acrank.metrics.feature_set.as_feature_set`.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import kite
        >>> labels = np.arange(60) % 3
        >>> noise = np.random.default_rng(0).normal(size=(60, 4))
        >>> round(kite(noise + np.eye(3, 4)[labels], labels, noise), 3)
        0.333
    """
    data = as_feature_set(features, labels)
    given = data.random_features if random_features is None else as_matrix(random_features)
    if given is None:
        raise MetricError("There are no features of a random network.")
    if len(given) != len(data):
        raise MetricError(f"random_features has {len(given)} rows, features {len(data)}.")
    if is_constant(data):
        return float("nan")
    own = _centred(data.features)
    of_random = alignment(own, _centred(given))
    if np.isnan(of_random):
        warn_guard("constant-features", "the random network gives every image the same features")
        return float("nan")
    of_labels = alignment(own, _centred(data.one_hot))
    return checked(of_labels / of_random, 0.0, np.inf) if of_random > 0 else float("nan")


def alignment(one: Array, other: Array) -> float:
    """Centred kernel alignment (CKA) of linear kernels.

    Args:
        one: centred, (N, D).
        other: centred, (N, K).

    Returns:
        In [0, 1]; NaN where one has no variance.
    """
    norms = _product(one, one) * _product(other, other)
    return _product(one, other) / float(np.sqrt(norms)) if norms > 0 else float("nan")


def _product(one: Array, other: Array) -> float:
    """Inner product of the kernels of two matrices, computed on the smaller side."""
    if len(one) ** 2 <= one.shape[1] * other.shape[1]:
        return float(np.einsum("nm,nm->", one @ one.T, other @ other.T))
    return float((one.T @ other).ravel() @ (one.T @ other).ravel())


def _centred(matrix: Array) -> Array:
    """Columns less their mean, divided by the largest value; exact zeros where they are constant.

    Features of a deep random network can be so small that their squares vanish.
    Kernels are compared whatever their scale.
    """
    centred: Array = matrix - matrix.mean(axis=0)
    centred[:, (matrix == matrix[0]).all(axis=0)] = 0.0
    largest = np.abs(centred).max()
    return centred / largest if largest > 0 else centred
