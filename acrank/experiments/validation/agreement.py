"""Measure how well scores agree with accuracies: rank correlations, and what the top picks reach.

Every function takes batches: arrays of shape (..., n), one model per place of the last axis, and
gives one number per batch. A higher score must mean a better model; turn scores round before.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
Convention = Literal["both", "accuracy"]

# Statistics in the order of reports; the weighted tau decides.
STATISTICS = ("weighted_tau", "tau_b", "pearson", "spearman", "rel1", "rel3", "regret")
# Numbers that one chunk of resamples may hold in memory, in pairs of models.
CHUNK = 2_000_000


def agreement(
    scores: Array, accuracies: Array, convention: Convention = "both", tolerance: float = 0.0
) -> dict[str, Array]:
    """Compute all of :data:`STATISTICS` for a batch of paired lists.

    Args:
        scores: shape (B, n), higher is better.
        accuracies: shape (B, n), in any unit.
        convention: see :func:`weighted_tau`.
        tolerance: see :func:`weighted_tau`; it counts for the weighted tau and tau-b.

    Returns:
        Arrays of shape (B,); NaN where a statistic is undefined.
    """
    models = scores.shape[1]
    size = max(1, CHUNK // max(1, models * (models - 1) // 2))
    parts = [
        _chunk(
            scores[start : start + size], accuracies[start : start + size], convention, tolerance
        )
        for start in range(0, len(scores), size)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in STATISTICS}


def _chunk(
    scores: Array, accuracies: Array, convention: Convention, tolerance: float
) -> dict[str, Array]:
    return {
        "weighted_tau": weighted_tau(scores, accuracies, convention, tolerance),
        "tau_b": tau_b(scores, accuracies, tolerance),
        "pearson": pearson(scores, accuracies),
        "spearman": spearman(scores, accuracies),
        "rel1": relative_accuracy(scores, accuracies, 1),
        "rel3": relative_accuracy(scores, accuracies, 3),
        "regret": regret(scores, accuracies),
    }


def weighted_tau(
    scores: Array, accuracies: Array, convention: Convention = "both", tolerance: float = 0.0
) -> Array:
    """Compute Kendall's tau with more weight on pairs near the top (Vigna, WWW 2015), in [-1, 1].

    A pair of models with ranks r and s (from 0, best first) weighs ``1/(1+r) + 1/(1+s)``. The
    literature ranks in two ways:

    - ``both``: the mean of the value ranked by accuracy (ties by score) and of the value ranked
      by score (ties by accuracy). This is ``scipy.stats.weightedtau(scores, accuracies)`` with
      its defaults, which TLLib (LogME), SFDA and NCTI report.
    - ``accuracy``: ranked by accuracy only, ties by score. This is
      ``scipy.stats.weightedtau(accuracies, scores, rank=None)``, which Model Spider reports.

    Args:
        scores: shape (..., n), higher is better.
        accuracies: shape (..., n).
        convention: ranking of models, as above.
        tolerance: accuracies that differ by less are tied, in their unit: what differs less than
            runs of one model do tells no models apart.

    Returns:
        Shape (...,); 1 for the same order, -1 for the opposite one; NaN where all scores or all
        accuracies are equal or tied. Pairs tied in either list count as in tau-b.
    """
    by_accuracy = _weighted(scores, accuracies, _ranks(accuracies, scores), tolerance)
    if convention == "accuracy":
        return by_accuracy
    by_score = _weighted(scores, accuracies, _ranks(scores, accuracies), tolerance)
    both: Array = (by_accuracy + by_score) / 2
    return both


def tau_b(scores: Array, accuracies: Array, tolerance: float = 0.0) -> Array:
    """Compute Kendall's tau-b, in [-1, 1]; NaN where all scores or all accuracies are equal.

    Args:
        scores: shape (..., n), higher is better.
        accuracies: shape (..., n).
        tolerance: as for :func:`weighted_tau`.
    """
    pairs = scores.shape[-1] * (scores.shape[-1] - 1) // 2
    return _of_pairs(scores, accuracies, np.ones(pairs), tolerance)


def pearson(scores: Array, accuracies: Array) -> Array:
    """Compute Pearson's correlation, in [-1, 1]; NaN where either list is constant.

    Args:
        scores: shape (..., n), higher is better.
        accuracies: shape (..., n).
    """
    x = _standardised(scores)
    y = _standardised(accuracies)
    correlation: Array = np.clip((x * y).sum(axis=-1), -1.0, 1.0)
    return correlation


def spearman(scores: Array, accuracies: Array) -> Array:
    """Compute Spearman's correlation, which is Pearson's of mean ranks, in [-1, 1].

    Args:
        scores: shape (..., n), higher is better.
        accuracies: shape (..., n).
    """
    return pearson(stats.rankdata(scores, axis=-1), stats.rankdata(accuracies, axis=-1))


def relative_accuracy(scores: Array, accuracies: Array, top: int) -> Array:
    """Compute Rel@k: the best accuracy among the k models of highest score, over the best of all.

    Where scores tie across the k-th place, it is the expectation over random orders of the tied.

    Args:
        scores: shape (..., n), higher is better.
        accuracies: shape (..., n), not negative.
        top: k; all models where there are fewer.

    Returns:
        Shape (...,), in [0, 1], higher is better; NaN where no accuracy is above 0.
    """
    best = accuracies.max(axis=-1)
    reached = _expected_best(scores, accuracies, min(top, scores.shape[-1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(best > 0, reached / best, np.nan)


def regret(scores: Array, accuracies: Array) -> Array:
    """Compute the accuracy that picking the model of highest score loses; 0 is best.

    Args:
        scores: shape (..., n), higher is better; ties as in :func:`relative_accuracy`.
        accuracies: shape (..., n).
    """
    lost: Array = accuracies.max(axis=-1) - _expected_best(scores, accuracies, 1)
    return lost


def _expected_best(scores: Array, accuracies: Array, top: int) -> Array:
    """Compute the expected best accuracy among the ``top`` highest scores, ties in random order."""
    boundary = np.sort(scores, axis=-1)[..., -top, None]
    order = np.argsort(-accuracies, axis=-1)
    ordered = np.take_along_axis(accuracies, order, axis=-1)
    picked = np.take_along_axis(scores > boundary, order, axis=-1)
    tied = np.take_along_axis(scores == boundary, order, axis=-1)
    places = top - picked.sum(axis=-1, keepdims=True)
    group = tied.sum(axis=-1, keepdims=True)
    left = group - tied.cumsum(axis=-1)
    # Probability that none of the best j models is among the picked ones: none is surely picked,
    # and `places` draws without replacement all fall on the `left` others of the tied group.
    missed = (picked.cumsum(axis=-1) == 0).astype(np.float64)
    for draw in range(top):
        chance = np.clip((left - draw) / np.maximum(group - draw, 1), 0.0, 1.0)
        missed *= np.where(draw < places, chance, 1.0)
    before = np.concatenate([np.ones_like(missed[..., :1]), missed[..., :-1]], axis=-1)
    best: Array = (ordered * (before - missed)).sum(axis=-1)
    return best


def _ranks(first: Array, second: Array) -> NDArray[np.intp]:
    """Rank from 0 by decreasing ``first``, ties by decreasing ``second``."""
    order = np.lexsort((second, first), axis=-1)[..., ::-1]
    return np.argsort(order, axis=-1)


def _weighted(scores: Array, accuracies: Array, ranks: NDArray[np.intp], tolerance: float) -> Array:
    one, other = np.triu_indices(scores.shape[-1], 1)
    weight = 1.0 / (1.0 + ranks)
    return _of_pairs(scores, accuracies, weight[..., one] + weight[..., other], tolerance)


def _of_pairs(scores: Array, accuracies: Array, weight: Array, tolerance: float) -> Array:
    one, other = np.triu_indices(scores.shape[-1], 1)
    x = np.sign(scores[..., one] - scores[..., other])
    apart = accuracies[..., one] - accuracies[..., other]
    y = np.where(np.abs(apart) < tolerance, 0.0, np.sign(apart))
    spread = np.sqrt((np.abs(x) * weight).sum(axis=-1) * (np.abs(y) * weight).sum(axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        tau: Array = np.clip((x * y * weight).sum(axis=-1) / spread, -1.0, 1.0)
    return tau


def _standardised(values: Array) -> Array:
    """Centre lists and scale them to length 1; NaN where all are equal, whatever the rounding."""
    # Scaled first: squares of very small or very large scores must not vanish or overflow.
    span = np.ptp(values, axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        centred = (values - values.mean(axis=-1, keepdims=True)) / span
        unit: Array = centred / np.sqrt((centred**2).sum(axis=-1, keepdims=True))
    return unit
