"""Measure how well transferability metrics predict fine-tuned accuracies.

>>> import acrank
>>> result = acrank.validate("scores.csv", "accuracies.csv")  # doctest: +SKIP
>>> result.summary("logme").statistics["weighted_tau"]  # doctest: +SKIP
Statistic(value=0.67, low=0.41, high=0.83)

Names are imported when they are first used, so that the help of commands loads no numpy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acrank.experiments.validation.results import Comparison, Statistic, Summary, Validation
    from acrank.experiments.validation.run import validate

__all__ = ["Comparison", "Statistic", "Summary", "Validation", "validate"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        home = "run" if name == "validate" else "results"
        return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
