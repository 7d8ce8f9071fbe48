"""Say how likely each candidate is the best, and how many points a choice loses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acrank.expectation.posterior import Expected, Target, slot_of
from acrank.expectation.weights import Weights, weights

Array = NDArray[np.float64]

DRAWS = 20_000
# A candidate is alike the first unless the first is better with this probability.
SURE = 0.975
# How many candidates somebody fine-tunes who does not trust the first alone.
SEVERAL = 3


@dataclass(frozen=True)
class Outcomes:
    """Outcomes of choosing among some candidates, in the order of the candidates.

    Attributes:
        p_best: probability of the highest accuracy after fine-tuning; sums to 1.
        lost: points of accuracy (hundredths) that one expects to lose by taking it.
        first: place of the candidate of the highest expected accuracy.
        lost_first: expected points lost by taking the first.
        lost_first_most: with a probability of 95 % no more is lost by it.
        lost_several: expected points lost by fine-tuning the first three and keeping the best.
        alike: places of those that cannot be told apart from the first, with it.
    """

    p_best: tuple[float, ...]
    lost: tuple[float, ...]
    first: int
    lost_first: float
    lost_first_most: float
    lost_several: float
    alike: tuple[int, ...]


def outcomes(
    candidates: Sequence[Expected],
    classes: int = 2,
    target: Target = "classes",
    *,
    seed: int = 0,
    using: Weights | None = None,
) -> Outcomes:
    """Draw the accuracies that candidates may reach, and see what is lost.

    Draws hold the doubt about each candidate, how far residuals of a dataset scatter, the seeds'
    noise of the tables that the weights were learned of, and how high accuracies lie at all.

    Args:
        candidates: at least one, with scores of one kind.
        classes: number of classes of the target.
        target: kind of the labels; of masks and volumes accuracy is Dice.
        seed: of the draws.
        using: weights; those that acrank ships if None.

    Raises:
        ValueError: there is no candidate.
        ExpectationError: the weights cannot be read.
    """
    if not candidates:
        raise ValueError("There is no candidate.")
    using = using or weights()
    # in an order of their own, so that they can be given in any
    order = sorted(
        range(len(candidates)), key=lambda i: (-candidates[i].mean, candidates[i].deviation)
    )
    ranked = [candidates[i] for i in order]
    best = ranked[0]
    points = 100 * _accuracies(ranked, _reached(best, classes, target, using), seed, using)
    top = points.max(axis=1, keepdims=True)
    losses = top - points
    first = losses[:, 0]
    beaten = (points[:, :1] > points).mean(axis=0)
    shares = (points >= top) / (points >= top).sum(axis=1, keepdims=True)
    back = np.argsort(order)
    p_best = _evened(ranked, shares.mean(axis=0))[back]
    lost = _evened(ranked, losses.mean(axis=0))[back]
    return Outcomes(
        tuple(p_best.tolist()),
        tuple(lost.tolist()),
        order[0],
        float(first.mean()),
        float(np.quantile(first, 0.95)),
        float(losses[:, :SEVERAL].min(axis=1).mean()),
        tuple(
            sorted(order[place] for place, sure in enumerate(beaten) if not place or sure < SURE)
        ),
    )


def _reached(best: Expected, classes: int, target: Target, using: Weights) -> float:
    """Log odds of the accuracy that the first is expected to reach."""
    if not best.score:
        return using.unscored
    slot = using.slots[slot_of(best.score, target)]
    counted = math.log(classes) if best.score == "log_me" else 0.0
    return slot.reached + using.reach * (best.place + counted)


def _accuracies(ranked: Sequence[Expected], reached: float, seed: int, using: Weights) -> Array:
    """Accuracies in [0, 1], shape (draws, candidates)."""
    generator = np.random.default_rng(seed)
    means = using.stretch * np.array([one.mean for one in ranked])
    deviations = using.stretch * np.array([one.deviation for one in ranked])
    scale = np.exp(using.spread * generator.standard_normal((DRAWS, 1)))
    level = reached + using.reach_deviation * generator.standard_normal((DRAWS, 1))
    rest = deviations * generator.standard_normal((DRAWS, len(ranked)))
    return np.asarray(1 / (1 + np.exp(-(level + means - means[0] + scale * rest))))


def _evened(ranked: Sequence[Expected], values: Array) -> Array:
    """Give candidates of the same expectation the same value."""
    keys = [(one.mean, one.deviation) for one in ranked]
    return np.array([values[[k == key for k in keys]].mean() for key in keys])
