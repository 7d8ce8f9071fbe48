"""Reading what ``acrank score --json`` wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acrank.errors import DataError
from acrank.metrics.registry import METRICS
from acrank.result_record import from_record
from acrank.results import ModelResult

SCHEMA = 1
_WRITE = "Write one with: acrank score --data ... --json FILE"
_PARTS: dict[str, type] = {"config": dict, "dataset": dict, "device": dict, "versions": dict}


@dataclass(frozen=True)
class ResultFile:
    """A finished run on disk.

    Attributes:
        path: of the file.
        document: all of it.
        results: one a model, in the order in which they were listed in the zoo.
    """

    path: Path
    document: dict[str, Any]
    results: tuple[ModelResult, ...]

    @property
    def config(self) -> dict[str, Any]:
        """The settings of the run."""
        config: dict[str, Any] = self.document["config"]
        return config


def read_result_file(path: Path) -> ResultFile:
    """Read the results of a run.

    Args:
        path: written by ``acrank score --json``.

    Raises:
        DataError: there is no such file, or it is no result of a run.
    """
    document = _document(path)
    results = {}
    for number, record in enumerate(document["models"]):
        try:
            result = from_record(record)
        except ValueError as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(f"'{path}', models[{number}]: {reason}.", hint=_WRITE) from None
        results[result.model] = result
    order = [name for name in document.get("order", ()) if name in results]
    names = dict.fromkeys([*order, *results])
    return ResultFile(path, document, tuple(results[name] for name in names))


def as_scored(result: ModelResult) -> ModelResult:
    """A result as scoring gave it: what it has from its place among others is taken off.

    Args:
        result: of a file.
    """
    relative = {name for name, metric in METRICS.items() if metric.kind == "relative"}
    unranked = result.status == "unranked"
    return replace(
        result,
        status="ok" if unranked else result.status,
        reason="" if unranked else result.reason,
        scores={n: score for n, score in result.scores.items() if n in METRICS.keys() - relative},
        undefined={n: text for n, text in result.undefined.items() if n not in relative},
        guards={n: found for n, found in result.guards.items() if n not in relative},
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error.strerror}.", hint=_WRITE) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"'{path}' is not JSON: {error}.", hint=_WRITE) from None
    if not isinstance(document, dict) or not isinstance(document.get("models"), list):
        raise DataError(f"'{path}' is not the result of a run.", hint=_WRITE)
    if document.get("schema_version") != SCHEMA:
        found = document.get("schema_version")
        raise DataError(
            f"'{path}' has schema_version {found!r}; this version of acrank reads {SCHEMA}.",
            hint="Score again with this version.",
        )
    for name, kind in _PARTS.items():
        if not isinstance(document.get(name), kind):
            raise DataError(f"'{path}' has no {name}: it is not of acrank score.", hint=_WRITE)
    return document
