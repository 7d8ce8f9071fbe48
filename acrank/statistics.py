"""Honest uncertainty: intervals, the probability of being best, and ties.

A model's score is the mean over trials (batches of the sample), which every model shares. The
posterior of the vector of means under a normal likelihood and the usual reference prior is a
multivariate t with the sample covariance of the trials; its margins are Student's intervals.
It speaks of the draw of batches and heads, not of other samples of the domain.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]

LEVEL = 0.95
DRAWS = 20_000


def interval(values: Array, level: float = LEVEL) -> tuple[float, float] | None:
    """Student's interval of the mean of some trials; None for fewer than two.

    Args:
        values: one value a trial, shape (R,).
        level: probability of the interval.
    """
    if len(values) < 2:
        return None
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * _standard_error(values)
    centre = float(values.mean())
    return centre - float(half), centre + float(half)


def probability_of_best(values: Array, seed: int, draws: int = DRAWS) -> Array | None:
    """The probability that each model has the highest mean, its trials being paired.

    Args:
        values: shape (models, R), larger is better.
        seed: of the draws from the multivariate t.
        draws: how many; the standard error is at most ``0.5 / sqrt(draws)``.

    Returns:
        Shape (models,), sums to 1; equal models share evenly. None for fewer than two trials.
    """
    trials = values.shape[1]
    if trials < 2:
        return None
    generator = np.random.default_rng(seed)
    residuals = values - values.mean(axis=1, keepdims=True)
    # Weighted sums of shared residuals have the sample covariance, singular or not.
    noise = generator.standard_normal((draws, trials)) @ residuals.T
    scale = np.sqrt(trials * (trials - 1) * generator.chisquare(trials - 1, draws) / (trials - 1))
    means = values.mean(axis=1) + noise / scale[:, None]
    best = means >= means.max(axis=1, keepdims=True)
    shares: Array = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    return shares


def separable(better: Array, worse: Array, level: float = LEVEL) -> bool:
    """Whether a paired t test tells two models apart.

    Args:
        better: trials of one model, shape (R,).
        worse: the same trials of the other, shape (R,).
        level: one minus the two-sided error rate.
    """
    bounds = interval(better - worse, level)
    return bounds is not None and not bounds[0] <= 0.0 <= bounds[1]


def tie_groups(values: Sequence[Array], level: float = LEVEL) -> list[int] | None:
    """Groups of neighbours in a ranking that cannot be told apart from their group's first.

    Args:
        values: trials of each model, best model first, each of shape (R,).
        level: see :func:`separable`; not corrected for the number of models.

    Returns:
        A group number a model, from 1 on and ascending; None for fewer than two trials.
    """
    if any(len(trials) < 2 for trials in values):
        return None
    groups: list[int] = []
    leader = 0
    for index, trials in enumerate(values):
        if index and separable(values[leader], trials, level):
            leader = index
        groups.append(1 if not groups else groups[-1] + (leader == index))
    return groups


def _standard_error(values: Array) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))
