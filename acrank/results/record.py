"""Turn a model's result into a JSON object and back, for result files and for the cache."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from pydantic import TypeAdapter

from acrank.metrics.estimate import Estimate
from acrank.results.types import ModelResult, finite_or_none

_ADAPTER: TypeAdapter[ModelResult] = TypeAdapter(ModelResult)


def to_record(result: ModelResult) -> dict[str, Any]:
    """Return everything a result holds, in what JSON can hold: NaN becomes null.

    Args:
        result: of one model.
    """
    scores = result.scores
    known = {one.name: getattr(result, one.name) for one in fields(result) if one.name != "kept"}
    return {
        **known,
        "reason": result.reason or None,
        "scores": {name: finite_or_none(estimate.value) for name, estimate in scores.items()},
        "trials": _lists({name: estimate.trials for name, estimate in scores.items()}),
        "replicates": _lists({name: estimate.replicates for name, estimate in scores.items()}),
        "freedom": {n: e.freedom for n, e in scores.items() if e.freedom is not None},
        "seconds": round(result.seconds, 3),
        "loading": round(result.loading, 3),
        "feature_layers": list(result.feature_layers),
        "layers": [_without_nan(asdict(layer)) for layer in result.layers],
        "beforehand": asdict(result.beforehand) if result.beforehand else None,
    }


def from_record(record: Mapping[str, Any]) -> ModelResult:
    """Read the result that :func:`to_record` wrote; other keys are passed over.

    Raises:
        ValueError: it is no such record, and where (pydantic's ``ValidationError`` is one).
    """
    try:
        known = {**record, "reason": record["reason"] or "", "scores": _estimates(record)}
        known["layers"] = [_with_nan(layer) for layer in record["layers"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a model's record lacks or garbles {error}") from None
    return _ADAPTER.validate_python(known)


def _estimates(record: Mapping[str, Any]) -> dict[str, Estimate]:
    def numbers(values: Sequence[float | None]) -> tuple[float, ...]:
        return tuple(_nan_if_none(value) for value in values)

    trials, replicates = record["trials"], record["replicates"]
    freedom = record.get("freedom") or {}  # files of earlier versions have none
    return {
        name: Estimate(
            _nan_if_none(value),
            numbers(trials.get(name, ())),
            numbers(replicates.get(name, ())),
            freedom.get(name),
        )
        for name, value in record["scores"].items()
    }


def _lists(values: Mapping[str, Sequence[float]]) -> dict[str, list[float | None]]:
    """The sequences that are not empty."""
    return {name: [finite_or_none(v) for v in row] for name, row in values.items() if row}


def _nan_if_none(value: float | None) -> float:
    if not isinstance(value, int | float | None):
        raise TypeError(f"{value!r}, which is not a number")
    return math.nan if value is None else float(value)


def _without_nan(layer: Mapping[str, Any]) -> dict[str, Any]:
    return {key: finite_or_none(value) for key, value in layer.items()}


def _with_nan(layer: Mapping[str, Any]) -> dict[str, Any]:
    return {key: math.nan if value is None else value for key, value in layer.items()}
