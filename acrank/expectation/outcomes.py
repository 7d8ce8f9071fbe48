"""Say how likely each candidate is the best, and how many points a choice loses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acrank.expectation.posterior import Expected, Target
from acrank.expectation.weights import Weights, weights

Array = NDArray[np.float64]

# Draws, and of how many numbers at most: a thousand candidates need not as many of each.
DRAWS, NUMBERS = 20_000, 2_000_000
# Candidates are alike unless one is better than the other with this probability. On some datasets
# priors and scores put candidates in the wrong order altogether, so that more cannot be asked.
SURE = 0.8
# How many candidates somebody fine-tunes who does not trust the first alone.
SEVERAL = 3
# Points that can be lost at most.
MOST = 100.0


@dataclass(frozen=True)
class Outcomes:
    """Outcomes of choosing among some candidates, in the order of the candidates.

    Attributes:
        p_best: probability of the highest accuracy after fine-tuning; sums to 1.
        lost: points of accuracy (hundredths) that one expects to lose by taking it.
        first: place of the candidate that is taken first.
        lost_first: expected points lost by taking the first.
        lost_first_most: with a probability of 95 % no more is lost by it.
        lost_several: expected points lost by fine-tuning the first three and keeping the best.
        behind: probability that the first is better than each; 0.5 for itself.
        alike: places of those that cannot be told apart from the first, with it.
    """

    p_best: tuple[float, ...]
    lost: tuple[float, ...]
    first: int
    lost_first: float
    lost_first_most: float
    lost_several: float
    behind: tuple[float, ...]
    alike: tuple[int, ...]


def kind_of(candidates: Sequence[Expected], target: Target = "classes") -> str:
    """Name the kind of some candidates, by which accuracies scatter.

    Args:
        candidates: at least one.
        target: kind of the labels.

    Returns:
        One of :data:`acrank.expectation.weights.KINDS`: ``known`` for networks that people know,
        all of them; ``others`` where some are checkpoints of nobody's name; or the target.
    """
    if target != "classes":
        return target
    return "known" if all(one.public for one in candidates) else "others"


def outcomes(
    candidates: Sequence[Expected],
    target: Target = "classes",
    *,
    taken: Sequence[int] = (),
    seed: int = 0,
    using: Weights | None = None,
) -> Outcomes:
    """Draw the accuracies that candidates may reach, and see what is lost.

    Draws hold the doubt about each candidate, how far residuals of a dataset scatter, the seeds'
    noise of the tables that the weights were learned of, and how many points log odds are there.

    Args:
        candidates: at least one, with scores of one kind.
        target: kind of the labels; of masks and volumes accuracy is Dice.
        taken: their places in the order in which somebody takes them; by their expectation if
            empty.
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
    points = _points(ranked, kind_of(candidates, target), seed, using)
    top = points.max(axis=1, keepdims=True)
    losses = np.minimum(top - points, MOST)
    back = np.argsort(order)
    taken = taken or order
    several = losses[:, back[list(taken)]][:, :SEVERAL]
    first = several[:, 0]
    behind = (points[:, [back[taken[0]]]] > points).mean(axis=0)[back]
    behind[taken[0]] = 0.5
    shares = (points >= top) / (points >= top).sum(axis=1, keepdims=True)
    p_best = _evened(ranked, shares.mean(axis=0))[back]
    lost = _evened(ranked, losses.mean(axis=0))[back]
    return Outcomes(
        tuple(p_best.tolist()),
        tuple(lost.tolist()),
        taken[0],
        float(lost[taken[0]]),
        float(np.quantile(first, 0.95)),
        float(several.min(axis=1).mean()),
        tuple(behind.tolist()),
        tuple(place for place, sure in enumerate(behind) if 1 - SURE < sure < SURE),
    )


def _points(ranked: Sequence[Expected], kind: str, seed: int, using: Weights) -> Array:
    """Points of accuracy, up to a number that a draw shares, shape (draws, candidates)."""
    draws = max(2, min(DRAWS, NUMBERS // len(ranked)))
    draw = np.random.default_rng(seed).standard_normal
    means = np.array([one.mean for one in ranked])
    deviations = np.array([one.deviation for one in ranked])
    # the level of scores on these data is not known, which counts where scores weigh differently
    off = using.levels * draw((draws, 1)) * np.array([one.weight for one in ranked])
    trust = using.trust + using.trust_deviation * draw((draws, 1))
    scale = using.residuals * np.exp(using.spread * draw((draws, 1)))
    rest = scale * deviations * draw((draws, len(ranked)))
    # of a mean of 1, as the points by kind are means
    unit = np.exp(using.points_spread * (draw((draws, 1)) - using.points_spread / 2))
    return np.asarray(using.points[kind] * using.stretch * unit * (trust * means - off + rest))


def _evened(ranked: Sequence[Expected], values: Array) -> Array:
    """Give candidates of the same expectation the same value."""
    keys = [(one.mean, one.deviation, one.weight) for one in ranked]
    found: dict[tuple[float, float, float], list[int]] = {}
    for place, key in enumerate(keys):
        found.setdefault(key, []).append(place)
    means = {key: values[places].mean() for key, places in found.items()}
    return np.array([means[key] for key in keys])
