"""Shrink noisy validation results: what the arms of a rung are worth, given few images.

Arms are judged on the same validation images, so their noise is paired and is known from the
outcomes of single images. How far arms truly differ is not known: a spread ``tau`` between them is
averaged over, with the weight that the results give to each value (an empirical-Bayes estimate; a
normal model of Efron and Morris 1975 with a prior on the spread). Where the results differ no more
than their noise, the spread is near zero and all arms are worth about the same; where they differ
far beyond it, the results are taken as they are.

Given a spread, the true value of arm i is ``mu + tau * d_i * (r z_i + sqrt(1 - r ** 2) e_i)``:
``z_i`` is what was expected of its model before the race (mean 0, deviation 1 over the arms),
``d_i`` how uncertain that is, ``r`` how far such expectations hold true, and ``e_i`` a standard
normal number that arms of one model have half in common.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# What a ranking's order is worth in public tables: between nothing and 0.8, about 0.4.
TRUST = 0.4
# After a third of the epochs, results had a correlation of about 0.6 with those in the end in our
# study of small datasets, which is what remains if further training changes about as much.
FURTHER = 1.0
# Of what e_i of two arms of one model have in common.
SHARED = 0.5
# The spread is at most this, in the unit of the measure, and half of that by far less likely.
WIDEST, USUAL = 0.5, 0.05
DRAWS = 20_000
# Images that the mean variance of all arms counts for in that of each.
POOLED = 4
# Draws of arms that are exactly alike differ by so little, far beyond rounding: each of them is the
# best equally often, instead of the one that rounding favours.
TIE = 1e-6
# The lowest and the highest value of the measures that a race may be about.
LEAST, MOST = 0.0, 1.0
LEVEL = 0.95


@dataclass(frozen=True)
class Prior:
    """The expected result of a model before the race.

    Attributes:
        mean: expected value on any scale, the same for all models; higher is better.
        deviation: how uncertain it is, relative to the other models'.
    """

    mean: float
    deviation: float = 1.0


@dataclass(frozen=True)
class Belief:
    """The estimated values of the arms of a rung.

    Attributes:
        names: names of the arms.
        expected: expected values, (A,), in the unit of the measure.
        draws: draws of the true values, (D, A).
        spread: weight of each spread between arms, (S,), on ``spreads``.
    """

    names: tuple[str, ...]
    expected: Array
    draws: Array
    spread: Array

    @property
    def p_best(self) -> Array:
        """The probability of each arm that it is the best, (A,)."""
        return np.bincount(self.draws.argmax(axis=1), minlength=len(self.names)) / len(self.draws)

    @property
    def leader(self) -> int:
        """The place of the arm of which most is expected."""
        return int(self.expected.argmax())

    def interval(self, arm: int) -> tuple[float, float]:
        """The 95 % interval of an arm's value; it may reach beyond what the measure can be."""
        return ends(self.draws[:, arm])

    def behind(self, arm: int, other: int) -> tuple[float, float, float]:
        """Return an arm's expected loss against another, with the ends of its 95 % interval."""
        difference = self.draws[:, other] - self.draws[:, arm]
        return float(self.expected[other] - self.expected[arm]), *ends(difference)

    def alike(self, arm: int, other: int) -> bool:
        """Return whether two arms cannot be told apart: their difference may be zero."""
        if arm == other:
            return True
        _, low, high = self.behind(arm, other)
        return low <= 0 <= high

    @property
    def regret(self) -> float:
        """The expected loss of taking the leader, against the best of them."""
        return float(self.draws.max(axis=1).mean() - self.draws.mean(axis=0).max())


SPREADS: Array = np.concatenate([[0.0], np.geomspace(1e-3, WIDEST, 40)])


def believe(
    each: Mapping[str, Sequence[float]],
    models: Sequence[str],
    priors: Mapping[str, Prior],
    *,
    before: Array | None = None,
    further: float = 0.0,
    seed: int = 0,
) -> Belief:
    """Find what arms are worth from their outcomes on the same validation images.

    Args:
        each: outcomes (N,) of each arm by image, whose mean is its measure; those that are not
            finite on some image are left out of all arms.
        models: model of each arm.
        priors: what was expected of the models; those that are missing are taken as average.
        before: weights of the spreads from an earlier rung, (S,); None for none.
        further: deviation of what further training changes, in spreads; 0 for finished ones.
        seed: seed of the draws.

    Raises:
        ValueError: there is no arm, or no image that all arms have an outcome on.
    """
    outcomes = np.array([np.asarray(values, dtype=np.float64) for values in each.values()])
    if not outcomes.size:
        raise ValueError("there are no outcomes to compare")
    outcomes = outcomes[:, np.isfinite(outcomes).all(axis=0)]
    if not outcomes.shape[1]:
        raise ValueError("there is no image that all arms have an outcome on")
    values, noise = outcomes.mean(axis=1), _noise(outcomes)
    means, structure = _structure(models, priors)
    log_prior = np.log(_usual_spread() if before is None else before + 1e-12)
    alone = further**2 * np.eye(len(values))
    parts = [_given(t, values, noise + t**2 * alone, means, structure) for t in SPREADS]
    weights = _normalised(np.array([part[0] for part in parts]) + log_prior)
    rng = np.random.default_rng(seed)
    draws = _draw(parts, weights, rng)
    expected = np.sum([w * part[1] for w, part in zip(weights, parts, strict=True)], axis=0)
    return Belief(tuple(each), expected, draws, weights)


def _noise(outcomes: Array) -> Array:
    """The covariance of the arms' means, (A, A), from outcomes (A, N).

    From few images of many arms it is drawn towards one of equal correlations (Ledoit and Wolf
    2004), as what a few images have in common would else pass for a difference between arms.

    Beyond what the images show, one more image may be wrong for all arms, and half a one for each
    alone: arms that are right on every image of a few are not known to be right on all, nor alike.
    """
    arms, images = outcomes.shape
    shown = np.atleast_2d(np.cov(outcomes)) if images > 1 else np.zeros((arms, arms))
    own = np.diag(shown).copy()
    own = ((images - 1) * own + POOLED * own.mean()) / (images - 1 + POOLED)
    deviations = np.sqrt(own)
    scale = np.where(np.diag(shown) > 0, np.sqrt(np.diag(shown)), np.inf)
    others = (shown / np.outer(scale, scale))[~np.eye(arms, dtype=bool)]
    alike = float(np.clip(others.mean(), 0.0, 0.95)) if others.size else 0.0
    equal = np.outer(deviations, deviations) * (alike + (1 - alike) * np.eye(arms))
    share = arms / (arms + images)
    more = (1 / images) ** 2 * np.ones((arms, arms)) + (0.5 / images) ** 2 * np.eye(arms)
    return np.asarray((share * equal + (1 - share) * shown) / images + more, dtype=np.float64)


def _structure(models: Sequence[str], priors: Mapping[str, Prior]) -> tuple[Array, Array]:
    """Return expected places (A,) and covariance (A, A) of the arms, both for a spread of 1."""
    known = [priors[model].mean for model in models if model in priors]
    centre, scale = (float(np.mean(known)), float(np.std(known))) if known else (0.0, 0.0)
    places = np.array([priors[m].mean - centre if m in priors else 0.0 for m in models])
    places = places / scale if scale > 0 else places * 0.0
    deviations = np.array([priors[m].deviation if m in priors else 1.0 for m in models])
    same = np.array([[SHARED * (one == other) for other in models] for one in models])
    np.fill_diagonal(same, 1.0)
    # how far places hold true is itself uncertain, by as much as it is expected to be
    trusted = TRUST**2 * np.outer(places, places)
    own = (1 - TRUST**2) * same * np.outer(deviations, deviations)
    return TRUST * places, trusted + own


def _usual_spread() -> Array:
    """Weights of the spreads before any result: half-Cauchy, with some for no spread at all."""
    density = 1 / (1 + (SPREADS / USUAL) ** 2)
    widths = np.gradient(SPREADS)
    weights = density * widths
    weights[0] = 0.1 * weights.sum()
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _given(
    tau: float, values: Array, noise: Array, places: Array, structure: Array
) -> tuple[float, Array, Array]:
    """Return log likelihood, expected values (A,) and their covariance (A, A) for a spread."""
    prior = tau**2 * structure
    total = prior + noise
    shift = values - tau * places
    precision = np.linalg.inv(total)
    ones = np.ones(len(values))
    information = float(ones @ precision @ ones)
    centre = float(ones @ precision @ shift) / information
    rest = shift - centre
    log_likelihood = -0.5 * (
        np.linalg.slogdet(total)[1] + np.log(information) + float(rest @ precision @ rest)
    )
    gain = prior @ precision
    expected = centre + tau * places + gain @ rest
    # of the common centre, which is estimated too
    carried = ones - gain @ ones
    covariance = prior - gain @ prior + np.outer(carried, carried) / information
    return float(log_likelihood), expected, (covariance + covariance.T) / 2


def _normalised(logs: Array) -> Array:
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _draw(parts: Sequence[tuple[Any, ...]], weights: Array, rng: np.random.Generator) -> Array:
    counts = rng.multinomial(DRAWS, weights)
    drawn = []
    for (_, expected, covariance), count in zip(parts, counts, strict=True):
        if count:
            values, vectors = np.linalg.eigh(covariance)
            root = vectors * np.sqrt(values.clip(min=0.0))
            drawn.append(expected + rng.standard_normal((count, len(expected))) @ root.T)
    draws = np.concatenate(drawn)
    return np.asarray(draws + TIE * rng.standard_normal(draws.shape), dtype=np.float64)


def ends(values: Array) -> tuple[float, float]:
    """Return the ends of the 95 % interval of some draws."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def within(value: float) -> float:
    """Return what is nearest to a value of all that a measure can be."""
    return min(max(value, LEAST), MOST)


def plus_four(each: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of a mean in [0, 1] from outcomes by image, with two of each end added.

    Agresti and Coull 1998: unlike the usual interval it is not empty where all images agree.

    Args:
        each: outcomes (N,); those that are not finite are left out.

    Returns:
        The ends, in [0, 1]; both NaN for fewer than two outcomes.
    """
    found = np.array([value for value in each if np.isfinite(value)], dtype=np.float64)
    if len(found) < 2:
        return float("nan"), float("nan")
    more = np.concatenate([found, [0.0, 0.0, 1.0, 1.0]])
    centre, error = float(more.mean()), float(more.std(ddof=1) / np.sqrt(len(more)))
    return max(0.0, centre - 1.96 * error), min(1.0, centre + 1.96 * error)
