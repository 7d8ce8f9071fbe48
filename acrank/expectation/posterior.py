"""Mix what is known of a candidate beforehand with what its score says.

The log odds t of a candidate's accuracy after fine-tuning and the place y of its score are
modelled as

    t = stretch m + rest,         rest ~ N(0, base^2 + (stretch s)^2)
    y = level + slope t + noise,  noise ~ N(0, noise^2)

with m and s the mean and deviation of its prior (those of an unknown candidate where it has none).
Given y, t is normal; its mean is the precision-weighted mix of both. The level depends on the data
alone, so that no candidate's value depends on which others are compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from acrank.expectation.scale import placed
from acrank.expectation.weights import Slot, Weights, weights

Target = Literal["classes", "masks", "volumes"]
UNKNOWN = "unknown"


class Prior(Protocol):
    """The part of :class:`acrank.priors.Prior` and of results that is known beforehand."""

    @property
    def mean(self) -> float | None:
        """Mean, in standard deviations; None where nothing is known."""
        ...

    @property
    def deviation(self) -> float | None:
        """Standard deviation; None likewise."""
        ...

    @property
    def basis(self) -> str:
        """The basis of the mean, or the reason why there is none."""
        ...

    @property
    def public(self) -> bool:
        """True if people know the network."""
        ...


@dataclass(frozen=True)
class Expected:
    """The accuracy that is expected of a candidate once it is fine-tuned.

    Attributes:
        mean: in standard deviations of the accuracies of networks that people compare, above one
            of average prior; as the prior's mean.
        deviation: standard deviation of that expectation, on one dataset and in one training.
        basis: of its prior: ``measured``, ``facts`` or ``unknown``.
        score: the score that was weighed; empty where there was none.
        place: the score on the scale that depends on the data alone; NaN where there was none.
        weight: standard deviations that one place of the score was worth; 0 where there was none.
        public: whether people know the network, as its prior says.
    """

    mean: float
    deviation: float
    basis: str
    score: str
    place: float
    weight: float = 0.0
    public: bool = False


def expect(
    prior: Prior | None,
    score: str = "",
    value: float = math.nan,
    shares: ArrayLike = (),
    target: Target = "classes",
    *,
    using: Weights | None = None,
) -> Expected:
    """Expect the accuracy of one candidate from its prior and its score.

    Args:
        prior: what is known beforehand; None, or one without a mean, where nothing is.
        score: ``log_me``, ``linear_probe`` or ``knn``; empty for none. For masks and volumes only
            LogME was learned.
        value: the score; NaN where it is undefined, which counts as none.
        shares: share of each class among the labels that the score saw, (K,); sums to 1.
        target: kind of the labels.
        using: weights; those that acrank ships if None.

    Raises:
        KeyError: nothing was learned of this score on such a target.
        ExpectationError: the weights cannot be read.
    """
    using = using or weights()
    mean, deviation, basis = using.unknown, using.doubt, UNKNOWN
    public = prior is not None and prior.public
    if prior is not None and prior.mean is not None and prior.deviation is not None:
        mean, deviation, basis = prior.mean, prior.deviation, prior.basis
    before, rest = using.stretch * mean, math.hypot(using.base, using.stretch * deviation)
    if not score or math.isnan(value):
        at = before / using.stretch, rest / using.stretch
        return Expected(*at, basis, "", math.nan, public=public)
    slot = using.slots[slot_of(score, target)]
    place = placed(score, value, shares)
    weight = share(slot, rest)
    level = slot.level + slot.level_log_classes * math.log(len(np.asarray(shares)))
    after = before + weight * (place - level - slot.slope * before)
    left = rest * math.sqrt(1 - weight * slot.slope)
    unit = using.stretch
    return Expected(after / unit, left / unit, basis, score, place, weight / unit, public)


def share(slot: Slot, rest: float) -> float:
    """The log odds that one place of a score is worth, where they are known to a deviation.

    Args:
        slot: what the score tells.
        rest: standard deviation of the log odds beforehand; the higher, the more the score weighs.
    """
    return slot.slope * rest**2 / (slot.slope**2 * rest**2 + slot.noise**2)


def slot_of(score: str, target: Target) -> str:
    """Name what a score is of, as the weights are named.

    Raises:
        KeyError: nothing was learned of this score on such a target.
    """
    if target == "classes":
        return score
    if score != "log_me":
        raise KeyError(f"{score} of {target}")
    return target
