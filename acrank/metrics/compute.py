"""Compute metrics of one model; whatever goes wrong with one costs that one alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from acrank.errors import AcrankError
from acrank.metrics.estimate import Estimate
from acrank.metrics.guards import collect_guards
from acrank.metrics.metric import Kind, Metric
from acrank.metrics.registry import of_kind


@dataclass
class Computed:
    """The scores of one model, with guards and reasons for missing ones.

    Attributes:
        scores: by metric.
        undefined: by metric, why it has no value.
        guards: by metric, the guards that fired and why.
    """

    scores: dict[str, Estimate] = field(default_factory=dict)
    undefined: dict[str, str] = field(default_factory=dict)
    guards: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, other: Computed) -> None:
        """Add what other metrics gave."""
        self.scores.update(other.scores)
        self.undefined.update(other.undefined)
        self.guards.update(other.guards)

    def refuse(self, metrics: Iterable[str], reason: str, guard: str = "") -> None:
        """Leave some metrics without a value, and let a guard say so if one is named."""
        names = list(metrics)
        self.undefined.update(dict.fromkeys(names, reason))
        if guard:
            self.guards.update({name: {guard: reason} for name in names})


def compute(kind: Kind, names: Iterable[str], given: object) -> Computed:
    """Compute the metrics of one kind among some, those of one function together.

    Args:
        kind: any but ``features``, for which there is
            :func:`acrank.metrics.features.feature_scores`, and ``relative``.
        names: names of metrics; those of other kinds are ignored.
        given: what functions of that kind take; see :class:`acrank.metrics.metric.Metric`.

    Returns:
        A value or a reason for every metric of the kind; no metric raises.
    """
    result = Computed()
    by_function: dict[object, list[Metric]] = {}
    for metric in of_kind(kind, names):
        by_function.setdefault(metric.function, []).append(metric)
    for metrics in by_function.values():
        value, guards, reason = attempt(metrics[0], given)
        for metric in metrics:
            own = value.get(metric.name) if isinstance(value, Mapping) else value
            try:
                estimate = _estimate(own)
            except (TypeError, ValueError):
                estimate, reason = Estimate(math.nan), f"its function gave {own!r}, no number"
            if math.isnan(estimate.value):
                result.undefined[metric.name] = reason
            else:
                result.scores[metric.name] = estimate
            if guards:
                result.guards[metric.name] = dict(guards)
    return result


def attempt(metric: Metric, *given: Any) -> tuple[Any, dict[str, str], str]:
    """Call the function of a metric.

    Args:
        metric: the metric to compute.
        *given: what its function takes.

    Returns:
        What it gave, NaN where it raised; the guards that fired; and why there is no value, for
        the case that there is none.
    """
    reason = ""
    value: Any = math.nan
    with collect_guards() as guards:
        try:
            value = metric.load()(*given)
        except AcrankError as error:
            reason = str(error)
        except Exception as error:  # one metric's trouble must not take the others along
            reason = f"{type(error).__name__}: {error}"
    if not reason and guards:
        reason = "; ".join(f"{name}: {text}" for name, text in guards.items())
    return value, guards, reason or "undefined"


def _estimate(value: Any) -> Estimate:
    """Make an estimate of a number, or of several as the trials of their mean."""
    if np.ndim(value) == 0:
        return Estimate(float(value))
    return Estimate.of_trials([float(one) for one in value])
