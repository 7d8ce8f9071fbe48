"""Compute honest uncertainty: intervals, the probability of being best, and ties.

The posterior of the vector of scores, one a model, under a normal likelihood and the usual
reference prior is a multivariate t about the estimates; its margins are Student's intervals. The
models' deviations are paired. It speaks of the draw of batches and heads, or of the images of the
sample, and not of other samples of the domain.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from acrank.metrics.estimate import Estimate

Array = NDArray[np.float64]

LEVEL = 0.95
DRAWS = 20_000
# Of them, how many are held at a time.
AT_ONCE = 2_000


class Comparison(NamedTuple):
    """A model beside the others of known uncertainty.

    Attributes:
        p_best: probability of having the best score among them.
        tie_group: see :func:`tie_groups`.
    """

    p_best: float
    tie_group: int


def interval(estimate: Estimate, level: float = LEVEL) -> tuple[float, float] | None:
    """Student's interval of an estimate; None where its uncertainty is unknown.

    Args:
        estimate: the score.
        level: probability of the interval.
    """
    return _interval(estimate.value, estimate.deviations, level, estimate.freedom)


def known(estimates: Sequence[Estimate]) -> list[int]:
    """Return which estimates can be compared: those whose deviations are paired.

    Left out are estimates of unknown uncertainty; those with another number of deviations than
    most have; and those that gave no value on so many parts of the sample that the others would
    keep less than half of theirs.

    Args:
        estimates: one a model.

    Returns:
        Their places, ascending.
    """
    rows = {place: e.deviations for place, e in enumerate(estimates) if not e.unknown}
    if not rows:
        return []
    lengths = Counter(map(len, rows.values()))
    length = max(lengths, key=lambda count: (lengths[count], count))
    missing = {place: np.isnan(row) for place, row in rows.items() if len(row) == length}
    found, lost = [], np.zeros(length, dtype=bool)
    for place in sorted(missing, key=lambda place: (missing[place].sum(), place)):
        together = lost | missing[place]
        if length - together.sum() >= max(2, length / 2):
            found.append(place)
            lost = together
    return sorted(found)


def freedom_of(estimates: Sequence[Estimate], count: int) -> int:
    """Degrees of freedom of what some models have in common.

    Args:
        estimates: one a model.
        count: of their deviations.
    """
    return min([count - 1, *(e.freedom for e in estimates if e.freedom is not None)])


def posterior(estimates: Sequence[Estimate], seed: int, draws: int = DRAWS) -> Array | None:
    """Draws from the joint posterior of some models' scores.

    Args:
        estimates: one a model, all :func:`known`.
        seed: of the draws.
        draws: how many.

    Returns:
        Shape (draws, models); None where the uncertainty of a model is unknown.
    """
    parts = list(posterior_parts(estimates, seed, draws))
    return np.concatenate(parts) if parts else None


def posterior_parts(
    estimates: Sequence[Estimate], seed: int, draws: int = DRAWS
) -> Iterator[Array]:
    """The same draws, some at a time: those of a thousand models would take half a gigabyte.

    Yields:
        Shape (draws of the part, models); nothing where the uncertainty of a model is unknown.
    """
    deviations = paired_deviations(estimates)
    count = deviations.shape[1]
    if count < 2:
        return
    # One normal a trial or a part, the same for every metric that has it: what a metric has in
    # common with another over these, their draws have too.
    kind = any(estimate.replicates for estimate in estimates)
    normals = np.random.default_rng([seed, kind]).standard_normal((count, draws))
    freedom = freedom_of(estimates, count)
    scale = np.sqrt(np.random.default_rng([seed, 2]).chisquare(freedom, draws))
    scale *= math.sqrt((count - 1) / freedom)
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
    paired: Array = stacked[:, ~np.isnan(stacked).any(axis=0)]
    return paired


def shares_of_best(drawn: Array) -> Array:
    """Return how often each model has the highest score; equal models share evenly.

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
        Shape (models,); None where the uncertainty of a model is unknown.
    """
    times = [_times_best(sign * part) for part in posterior_parts(estimates, seed)]
    return np.sum(times, axis=0) / DRAWS if times else None


def compared(estimates: Sequence[Estimate], sign: float, seed: int) -> dict[int, Comparison]:
    """Models beside each other, as far as their uncertainty is known.

    Args:
        estimates: one a model, best model first.
        sign: -1 where lower scores are better.
        seed: of the draws.

    Returns:
        By place, for the models that can be compared; for none where that is a single one of
        several.
    """
    places = known(estimates)
    if len(places) < min(2, len(estimates)):
        return {}
    chosen = [estimates[place] for place in places]
    shares = probability_of_best(chosen, sign, seed)
    if shares is None:
        return {}
    found = zip(places, shares.tolist(), tie_groups(chosen), strict=True)
    return {place: Comparison(share, group) for place, share, group in found}


def _times_best(drawn: Array) -> Array:
    best = drawn >= drawn.max(axis=1, keepdims=True)
    times: Array = (best / best.sum(axis=1, keepdims=True)).sum(axis=0)
    return times


def separable(better: Estimate, worse: Estimate, level: float = LEVEL) -> bool | None:
    """Return whether a paired t test tells two models apart; None where that is unknown.

    Args:
        better: score of one model.
        worse: score of the other.
        level: one minus the two-sided error rate.
    """
    pair = [better, worse]
    if better.value == worse.value:
        return False
    if len(known(pair)) < 2:
        return None
    deviations = paired_deviations(pair)
    freedom = freedom_of(pair, deviations.shape[1])
    difference = better.value - worse.value, deviations[0] - deviations[1]
    bounds = _interval(*difference, level, freedom)
    return None if bounds is None else not bounds[0] <= 0.0 <= bounds[1]


def tie_groups(estimates: Sequence[Estimate], level: float = LEVEL) -> list[int]:
    """Groups of neighbours in a ranking that cannot be told apart from their group's first.

    Args:
        estimates: score of each model, best model first, all :func:`known`.
        level: see :func:`separable`; not corrected for the number of models.

    Returns:
        A group number a model, from 1 on and ascending.
    """
    return group_by(
        len(estimates),
        lambda first, other: separable(estimates[first], estimates[other], level) is not False,
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


def _interval(
    value: float, deviations: Array, level: float, freedom: int | None
) -> tuple[float, float] | None:
    deviations = deviations[~np.isnan(deviations)]
    count = len(deviations)
    if count < 2:
        return None
    error = float(np.sqrt((deviations**2).sum() / (count - 1)))
    free = count - 1 if freedom is None else min(freedom, count - 1)
    half = float(special.stdtrit(free, (1 + level) / 2)) * error
    return value - half, value + half
