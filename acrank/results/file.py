"""Read the files that ``acrank score --json`` wrote."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from acrank.errors import DataError
from acrank.metrics.registry import METRICS
from acrank.results.record import from_record
from acrank.results.types import ModelResult, RankedModel, Ranking
from acrank.tasks.registry import TASKS
from acrank.utils.serialise import loads
from acrank.utils.visible import brief

SCHEMA = 1
# Name of the form of a choice, a result file with all of a race in it; others have no name.
CHOICE = "acrank-choice"
# Of a result file; those of a thousand models have some fifty megabytes.
MOST_BYTES = 10**9
_WRITE = "Write one with: acrank score --data ... --json FILE"
# Fields of a ranking under their own names in the file, and what else is not of its record.
_OF_RANKING = ("rank_by", "warnings", "metrics", "interrupted")
_NOT_RECORD = {*_OF_RANKING, "schema_version", "interval", "p_best", "norm_notes", "models"}
_NOT_RECORD |= {"outlook"}
# Numbers of a row that files of earlier versions have not.
_LATER = ("expected", "expected_deviation", "p_best_accuracy", "points_lost")
_ROW: TypeAdapter[RankedModel] = TypeAdapter(RankedModel)
_RANKING: TypeAdapter[Ranking] = TypeAdapter(Ranking)
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


def read_ranking(path: Path) -> Ranking:
    """Read a finished run with its order: what was written, nothing computed anew.

    Args:
        path: written by ``acrank score --json`` or ``acrank merge --json``.

    Returns:
        The ranking; written as JSON again, it gives the same text.

    Raises:
        DataError: there is no such file, it is no result of a run, or it is ranked by a score of
            a package that is not installed.
    """
    file = read_result_file(path)
    document = _without_unknown(file.document, path)
    by_name = {result.model: result for result in file.results}
    try:
        rows = [_ROW.validate_python(_place(r, by_name[r["model"]])) for r in document["models"]]
        return _RANKING.validate_python(
            {
                **{name: document[name] for name in _OF_RANKING},
                "outlook": document.get("outlook"),
                "rows": rows,
                "record": {name: document[name] for name in document if name not in _NOT_RECORD},
            }
        )
    except (KeyError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"'{path}' is not the result of a run: {reason}.", hint=_WRITE) from None


def _without_unknown(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """Leave out the scores that are not known here, and name them in a warning.

    Raises:
        DataError: it is ranked by such a score.
    """
    listed = document.get("metrics")
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    unknown = [name for name in names if name not in METRICS]
    if not unknown:
        return document
    if document.get("rank_by") in unknown:
        raise DataError(
            f"'{path}' is ranked by {document['rank_by']}, which is not an installed metric.",
            hint="Install the package that brings it.",
        )
    left = [name for name in names if name in METRICS]
    note = f"No installed package has these metrics, so they are left out: {', '.join(unknown)}."
    return {**document, "metrics": left, "warnings": [*document.get("warnings", ()), note]}


def _place(record: Mapping[str, Any], result: ModelResult) -> dict[str, Any]:
    """Return a row's place among the others.

    Raises:
        ValueError: a number of it is none.
    """
    later = {name: record.get(name) for name in _LATER}
    numbers = {n: record[n] for n in ("rank", "score", "score_low", "score_high", "p_best")}
    for name, value in {**numbers, **later}.items():
        if not isinstance(value, int | float | None):
            raise ValueError(f"{name} of {result.model} is {value!r}, which is not a number")
    return {
        "result": result,
        **{name: record[name] for name in ("rank", "score", "p_best", "tie_group", "places")},
        "low": record["score_low"],
        "high": record["score_high"],
        **later,
    }


def as_scored(result: ModelResult) -> ModelResult:
    """Return a result as scoring gave it, without what it has from its place among others.

    Args:
        result: of a file.
    """
    relative = {name for name, metric in METRICS.items() if metric.is_relative}
    unranked = result.status == "unranked"
    return replace(
        result,
        status="ok" if unranked else result.status,
        reason="" if unranked else result.reason,
        scores={n: score for n, score in result.scores.items() if n in METRICS.keys() - relative},
        undefined={n: text for n, text in result.undefined.items() if n not in relative},
        guards={n: found for n, found in result.guards.items() if n not in relative},
    )


def _text(path: Path) -> str:
    """Read the text of a file, or of a pipe as of <(...); a device is refused."""
    with path.open("rb") as file:
        if stat.S_ISCHR(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is a device")
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(errno.EFBIG, f"larger than {MOST_BYTES // 10**6:,} MB")
    return content.decode("utf-8")


def _document(path: Path) -> dict[str, Any]:
    try:
        document = loads(_text(path))
    except OSError as error:
        name = brief(str(path))
        raise DataError(f"'{name}' cannot be read: {error.strerror}.", hint=_WRITE) from None
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
            raise DataError(
                f"'{path}' has no {name}: it does not come from acrank score.", hint=_WRITE
            )
    return _without_unused_size(document)


def _without_unused_size(document: dict[str, Any]) -> dict[str, Any]:
    """Take out an image size that no network of the run was given.

    Files of earlier versions have that of masks whatever the run was on.
    """
    config, models = document["config"], document["models"]
    size = config.get("image_size")
    on_volumes = bool(config.get("patch") or document["dataset"].get("patch"))
    sized = {task.name for task in TASKS.values() if task.image_size}
    if size is None or (config.get("task") in sized and not on_volumes):
        return document
    seen = [model.get("input_size") for model in models if isinstance(model, dict)]
    if not on_volumes and all(list(one[1:]) == [size, size] for one in seen if one):
        return document
    return {**document, "config": {**config, "image_size": None}}
