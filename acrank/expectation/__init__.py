"""Expect of each candidate how accurate it will be once it is fine-tuned."""

from acrank.expectation.outcomes import Outcomes, kind_of, outcomes
from acrank.expectation.posterior import UNKNOWN, Expected, Target, expect
from acrank.expectation.scale import PREFERRED
from acrank.expectation.weights import Weights, weights

__all__ = (
    "PREFERRED",
    "UNKNOWN",
    "Expected",
    "Outcomes",
    "Target",
    "Weights",
    "expect",
    "kind_of",
    "outcomes",
    "weights",
)
