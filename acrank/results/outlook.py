"""Describe what is known of models beforehand, and what following their ranking loses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Beforehand:
    """The facts of a model that are known before any image is seen, as :mod:`acrank.priors` has it.

    Attributes:
        basis: ``measured``, ``facts``, or why there is no prior.
        mean: mean of the prior, in standard deviations of accuracies; None without one.
        deviation: its deviation; None likewise.
        history: mean place on other datasets, fine-tuned end to end; None below three.
        history_n: number of these datasets; None likewise.
        public: whether people know it: by a published name, or by its ImageNet accuracy.
    """

    basis: str
    mean: float | None = None
    deviation: float | None = None
    history: float | None = None
    history_n: int | None = None
    public: bool = False


@dataclass(frozen=True)
class Outlook:
    """The accuracy after fine-tuning that one loses by following a ranking.

    Attributes:
        score: metric that was weighed beside the priors; empty where there was none.
        kind: kind of candidates that points were learned of, such as ``known``.
        lost_first: points of accuracy that one expects to lose by taking the first.
        lost_first_most: with a probability of 95 % no more is lost by it.
        lost_several: points that one expects to lose by fine-tuning the first few and keeping the
            best.
        several: how many these are.
        alike: models that cannot be told apart from the first in accuracy, best rank first, without
            the first.
        cheapest: the one of the fewest parameters of the first and these; None where parameters are
            not known.
    """

    score: str
    kind: str
    lost_first: float
    lost_first_most: float
    lost_several: float
    several: int
    alike: tuple[str, ...] = ()
    cheapest: str | None = None
