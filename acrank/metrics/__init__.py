"""Compute transferability scores by pure functions of arrays, which one registry describes.

>>> from acrank import metrics
>>> metrics.log_me(features, labels)  # doctest: +SKIP

A function is imported when it is first used.
"""

from __future__ import annotations

from typing import Any

from acrank.metrics.guards import GUARDS, GuardWarning
from acrank.metrics.metric import Metric
from acrank.metrics.registry import METRICS

__all__ = ["GUARDS", "METRICS", "GuardWarning", "Metric"]


def __getattr__(name: str) -> Any:
    if not name.startswith("_") and name in METRICS and METRICS[name].kind == "features":
        return METRICS[name].load()
    raise AttributeError(f"module 'acrank.metrics' has no attribute {name!r}")


def __dir__() -> list[str]:
    functions = [name for name, metric in METRICS.items() if metric.kind == "features"]
    return sorted([*__all__, *functions])
