"""Honest uncertainty: intervals, the probability of being best, and ties.

The posterior of the vector of scores, one a model, under a normal likelihood and the usual
reference prior is a multivariate t about the estimates; its margins are Student's intervals. The
models' deviations are paired. It speaks of the draw of batches and heads, or of the images of the
sample, and not of other samples of the domain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from acrank.results.estimate import Estimate

Array = NDArray[np.float64]

LEVEL = 0.95
DRAWS = 20_000
# Of them, how many are held at a time.
AT_ONCE = 2_000


def interval(estimate: Estimate, level: float = LEVEL) -> tuple[float, float] | None:
    """Student's interval of an estimate; None for fewer than two deviations.

    Args:
        estimate: the score.
        level: probability of the interval.
    """
    return _interval(estimate.value, estimate.deviations, level)


def posterior(estimates: Sequence[Estimate], seed: int, draws: int = DRAWS) -> Array | None:
    """Draws from the joint posterior of some models' scores.

    Args:
        estimates: one a model, all with the same number of deviations.
        seed: of the draws.
        draws: how many.

    Returns:
        Shape (draws, models); None for fewer than two deviations.
    """
    parts = list(posterior_parts(estimates, seed, draws))
    return np.concatenate(parts) if parts else None


def posterior_parts(
    estimates: Sequence[Estimate], seed: int, draws: int = DRAWS
) -> Iterator[Array]:
    """The same draws, some at a time: those of a thousand models would take half a gigabyte.

    Yields:
        Shape (draws of the part, models); nothing for fewer than two deviations.
    """
    deviations = paired_deviations(estimates)
    count = deviations.shape[1]
    if count < 2:
        return
    # One normal a trial or a part, the same for every metric that has it: what a metric has in
    # common with another over these, their draws have too.
    kind = any(estimate.replicates for estimate in estimates)
    normals = np.random.default_rng([seed, kind]).standard_normal((count, draws))
    scale = np.sqrt(np.random.default_rng([seed, 2]).chisquare(count - 1, draws))
    values = np.array([estimate.value for estimate in estimates])
    for start in range(0, draws, AT_ONCE):
        part = slice(start, start + AT_ONCE)
        # Weighted sums of shared deviations have the sample covariance, singular or not.
        yield values + (deviations @ normals[:, part]).T / scale[part, None]


def paired_deviations(estimates: Sequence[Estimate]) -> Array:
    """Deviations of some models, shape (models, R); none where those of a model are unknown."""
    rows = [estimate.deviations for estimate in estimates]
    if not rows:
        return np.empty((0, 0))
    if len({len(row) for row in rows}) > 1:
        return np.empty((len(rows), 0))
    stacked = np.stack(rows)
    known: Array = stacked[:, ~np.isnan(stacked).any(axis=0)]
    return known


def shares_of_best(drawn: Array) -> Array:
    """How often each model has the highest score, equal models sharing evenly.

    Args:
        drawn: shape (draws, models), larger is better.

    Returns:
        Shape (models,), sums to 1; its standard error is at most ``0.5 / sqrt(draws)``.
    """
    return _times_best(drawn) / len(drawn)


def probability_of_best(estimates: Sequence[Estimate], sign: float, seed: int) -> Array | None:
    """:func:`shares_of_best` of the posterior, without holding all of its draws.

    Args:
        estimates: one a model.
        sign: -1 where lower scores are better.
        seed: of the draws.

    Returns:
        Shape (models,); None for fewer than two deviations.
    """
    times = [_times_best(sign * part) for part in posterior_parts(estimates, seed)]
    return np.sum(times, axis=0) / DRAWS if times else None


def _times_best(drawn: Array) -> Array:
    best = drawn >= drawn.max(axis=1, keepdims=True)
    times: Array = (best / best.sum(axis=1, keepdims=True)).sum(axis=0)
    return times


def separable(better: Estimate, worse: Estimate, level: float = LEVEL) -> bool:
    """Whether a paired t test tells two models apart.

    Args:
        better: score of one model.
        worse: score of the other.
        level: one minus the two-sided error rate.
    """
    deviations = paired_deviations([better, worse])
    bounds = _interval(better.value - worse.value, deviations[0] - deviations[1], level)
    return bounds is not None and not bounds[0] <= 0.0 <= bounds[1]


def tie_groups(estimates: Sequence[Estimate], level: float = LEVEL) -> list[int] | None:
    """Groups of neighbours in a ranking that cannot be told apart from their group's first.

    Args:
        estimates: score of each model, best model first.
        level: see :func:`separable`; not corrected for the number of models.

    Returns:
        A group number a model, from 1 on and ascending; None for fewer than two deviations.
    """
    if paired_deviations(estimates).shape[1] < 2:
        return None
    return group_by(
        len(estimates), lambda first, other: separable(estimates[first], estimates[other], level)
    )


def group_by(count: int, apart: Callable[[int, int], bool]) -> list[int]:
    """Group numbers, from 1 on, where a group ends at what is apart from its first.

    Args:
        count: number of models, best first.
        apart: whether the model of the first index can be told from that of the second.
    """
    groups: list[int] = []
    leader = 0
    for index in range(count):
        if index and apart(leader, index):
            leader = index
        groups.append(1 if not groups else groups[-1] + (leader == index))
    return groups


def _interval(value: float, deviations: Array, level: float) -> tuple[float, float] | None:
    deviations = deviations[~np.isnan(deviations)]
    count = len(deviations)
    if count < 2:
        return None
    error = float(np.sqrt((deviations**2).sum() / (count - 1)))
    half = float(stats.t.ppf((1 + level) / 2, count - 1)) * error
    return value - half, value + half
