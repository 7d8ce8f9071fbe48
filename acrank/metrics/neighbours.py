"""Do the nearest images share the label: leave-one-out nearest neighbours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from acrank.errors import MetricError
from acrank.metrics.feature_set import Array, FeatureSet, as_feature_set, is_constant, warn_single
from acrank.metrics.guards import checked

# Few enough for classes with few images, and odd, so that two classes rarely tie.
NEIGHBOURS = 5

# Distances nearer than this, relative to the squared norms they are differences of, are equal:
# a Gram matrix leaves about 1e-15 of rounding there.
SAME_DISTANCE = 1e-12

# Sums of shared votes closer than this are equal.
SAME_VOTES = 1e-9

# Numbers of a block of distances held at once (128 MiB).
BLOCK = 1 << 24


def knn(
    features: ArrayLike | FeatureSet, labels: ArrayLike | None = None, *, k: int = NEIGHBOURS
) -> float:
    """Leave-one-out accuracy of the vote of the k nearest images (Euclidean).

    Cover and Hart, "Nearest neighbor pattern classification", IEEE Transactions on Information
    Theory 1967. Each image is judged by the k others nearest to it. Both kinds of tie are
    shared, so that neither the order of the images nor the numbers of the classes matter:
    images equally far at the k-th place divide the votes left among them, and classes with
    equally many votes divide the credit (1/2 for being one of two).

    Guards: ``single-sample-class`` (such an image cannot be right), ``saturated`` at 1 and
    ``constant-features`` (NaN).

    Args:
        features: (N, D), or a set already made.
        labels: class ids (N,); left out where a set is given.
        k: neighbours that vote; at most N - 1 of them do.

    Returns:
        Accuracy in [0, 1], higher is better; unchanged by rotation, shift and scale.

    Raises:
        MetricError: k below one, or see :func:`acrank.metrics.feature_set.as_feature_set`.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import knn
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(knn(features, labels), 3)
        0.625
    """
    if k < 1:
        raise MetricError(f"k is {k}.", hint="At least one neighbour must vote.")
    data = as_feature_set(features, labels)
    if is_constant(data):
        return float("nan")
    warn_single(data)
    shares = [
        _credit(_votes(distances, own, data, min(k, len(data) - 1)), data.labels[rows])
        for rows, own, distances in _blocks(data.centred)
    ]
    return checked(float(np.concatenate(shares).mean()), 0.0, 1.0)


def _blocks(points: Array) -> Iterator[tuple[slice, Array, Array]]:
    """Squared distances of some points to all, infinite to themselves, and their norms."""
    norms = np.einsum("nd,nd->n", points, points)
    step = max(1, BLOCK // len(points))
    for start in range(0, len(points), step):
        rows = slice(start, min(start + step, len(points)))
        distances = points[rows] @ points.T
        distances *= -2.0
        distances += norms
        distances += norms[rows, None]
        index = np.arange(rows.start, rows.stop)
        distances[index - start, index] = np.inf
        yield rows, norms[rows, None], distances


def _votes(distances: Array, norms: Array, data: FeatureSet, k: int) -> Array:
    """Votes for each class, shape (B, C): k a row, those at the last place shared."""
    last = np.partition(distances, k - 1, axis=1)[:, k - 1 : k]
    slack = SAME_DISTANCE * (norms + np.abs(last))
    nearer = distances < last - slack
    level = (distances <= last + slack) & ~nearer
    share = (k - nearer.sum(axis=1, keepdims=True)) / level.sum(axis=1, keepdims=True)
    votes: Array = nearer @ data.one_hot + (level @ data.one_hot) * share
    return votes


def _credit(votes: Array, labels: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Array:
    """One over the number of classes with most votes, if the right class is one, shape (B,)."""
    best = votes >= votes.max(axis=1, keepdims=True) - SAME_VOTES
    right = best[np.arange(len(labels)), labels]
    credit: Array = right / best.sum(axis=1)
    return credit
