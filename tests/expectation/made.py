"""Weights that are easy to reckon with."""

import copy
from typing import Any

from acrank.expectation.weights import SLOTS, Weights, parsed
from acrank.priors import Prior

_SLOT = {"slope": 1.0, "noise": 0.5, "level": -1.0, "level_log_classes": 0.0}
_RAW = {
    **{"version": 2, "stretch": 0.5, "base": 0.3, "unknown": -1.0, "doubt": 2.0, "levels": 0.5},
    **{"trust": 1.0, "trust_deviation": 0.4, "residuals": 1.0, "spread": 0.5},
    **{"points": {"known": 5.0, "others": 10.0, "masks": 12.0, "volumes": 15.0}},
    "points_spread": 0.6,
    "slots": {name: dict(_SLOT) for name in SLOTS},
    "learned_of": {"a table": "somebody/somewhere, file at 1 (MIT)"},
}
SHARES = (0.25,) * 4


def raw() -> dict[str, Any]:
    """The contents of a whole file."""
    return copy.deepcopy(_RAW)


def made() -> Weights:
    """What is read of it."""
    return parsed(raw())


def prior(mean: float, deviation: float) -> Prior:
    """A prior of a network that was measured."""
    return Prior(mean, deviation, basis="measured")
