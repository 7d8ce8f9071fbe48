"""Expect of each candidate how accurate it will be once it is fine-tuned."""

from acrank.expectation.outcomes import Outcomes, outcomes
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
    "outcomes",
    "weights",
)
