"""Compute metrics that exist only relative to a zoo, from the parts of all its models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from acrank.metrics.estimate import Estimate
from acrank.metrics.registry import METRICS
from acrank.metrics.relative import min_max_sum
from acrank.results import ModelResult


def with_relative_scores(
    results: Sequence[ModelResult], metrics: Sequence[str]
) -> list[ModelResult]:
    """Add the metrics of the kind ``relative``: a model's value depends on the other models.

    Args:
        results: one a model, with the parts of those metrics.
        metrics: those asked for.
    """
    enriched = list(results)
    for name in metrics:
        if METRICS[name].is_relative:
            enriched = _add(enriched, name)
    return enriched


def _add(results: list[ModelResult], name: str) -> list[ModelResult]:
    parts = METRICS[name].parts
    whole = [i for i, r in enumerate(results) if all(part in r.scores for part in parts)]
    added = list(results)
    for index, result in enumerate(results):
        missing = [part for part in parts if part not in result.scores]
        reason = "; ".join(result.undefined.get(part, "not computed") for part in missing[:1])
        if len(whole) < 2:
            reason = reason or "the score is relative to other models, and there are none"
        if reason:
            added[index] = replace(result, undefined={**result.undefined, name: reason})
    if len(whole) < 2:
        return added
    for index, estimate in zip(whole, _combine([results[i] for i in whole], parts), strict=True):
        result = results[index]
        guards = {
            guard: f"{part}: {text}"
            for part in parts
            for guard, text in result.guards.get(part, {}).items()
        }
        added[index] = replace(
            result,
            scores={**result.scores, name: estimate},
            guards={**result.guards, **({name: guards} if guards else {})},
        )
    return added


def _combine(results: Sequence[ModelResult], parts: Mapping[str, float]) -> list[Estimate]:
    estimates = [[result.scores[part] for result in results] for part in parts]
    values = np.array([[estimate.value for estimate in row] for row in estimates])
    weights = list(parts.values())
    combined = min_max_sum(values, weights).tolist()
    varying = [not any(row[i].unknown for row in estimates) for i in range(len(results))]
    counts = [
        len(e.replicates) for row in estimates for e, v in zip(row, varying, strict=True) if v
    ]
    count = min(counts, default=0)
    if not count:
        return [Estimate(value) for value in combined]
    # a model of unknown uncertainty stays where it is while the others vary
    parted = np.array(
        [
            [
                e.replicates[:count] if v else (e.value,) * count
                for e, v in zip(row, varying, strict=True)
            ]
            for row in estimates
        ]
    )
    varied = min_max_sum(parted, weights).tolist()
    freedom = min((e.freedom for row in estimates for e in row if e.freedom), default=None)
    return [
        Estimate(value, replicates=tuple(row), freedom=freedom) if known else Estimate(value)
        for value, row, known in zip(combined, varied, varying, strict=True)
    ]
