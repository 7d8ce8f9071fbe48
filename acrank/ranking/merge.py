"""Merge parts of a run, scored apart, into one ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from acrank.config import RunConfig, make_config
from acrank.errors import ConfigError, DataError
from acrank.metrics.registry import is_fine_tuned
from acrank.ranking import rank_results
from acrank.results import ModelResult, Ranking
from acrank.results.difference import differences
from acrank.results.file import ResultFile, as_scored, read_result_file


def merge(paths: Sequence[Path]) -> Ranking:
    """Rank the models of several result files together, as one run of all of them would.

    Args:
        paths: written by ``acrank score --json``, usually with ``--shard``.

    Returns:
        The ranking; its record is that of the first file and says what was merged.

    Raises:
        DataError: a file cannot be read, or has a model that another file has too, otherwise.
        ConfigError: the files are of different images or settings.
    """
    if not paths:
        raise ConfigError("There is nothing to merge.", hint="Name the JSON files of the parts.")
    files = [read_result_file(path) for path in paths]
    for other in files[1:]:
        _refuse_difference(files[0], other)
    results = _merged(files)
    config = _config(files[0])
    return rank_results(
        results,
        config.rank_by,
        config.seed,
        metrics=config.metrics_wanted,
        voting=config.metrics_named,
        warnings=[*_warnings(files), *_missing(files)],
        record=_record(files, results),
        mixed=config.norms == "mixed",
    )


def _config(file: ResultFile) -> RunConfig:
    if is_fine_tuned(str(file.document.get("rank_by"))):
        raise ConfigError(
            f"'{file.path}' is of a race: fine-tuned networks cannot be merged.",
            hint="Give files of acrank score --json.",
        )
    if "from_features" in file.config:
        raise ConfigError(
            f"'{file.path}' ranks features: it is not of a run.",
            hint="Put the files of features into one folder, and rank that.",
        )
    return make_config({name: value for name, value in file.config.items() if value is not None})


def _refuse_difference(first: ResultFile, other: ResultFile) -> None:
    for found in differences(first.document, other.document):
        raise ConfigError(
            f"'{other.path}' and '{first.path}' differ in {found.what}: "
            f"{found.second} and {found.first}.",
            hint="Merge parts of one run only: the same images and the same settings.",
        )


def _merged(files: Sequence[ResultFile]) -> list[ModelResult]:
    """Every model once, shards interleaved as they were dealt."""
    found: dict[str, tuple[ModelResult, Path]] = {}
    for file in files:
        for result in map(as_scored, file.results):
            earlier = found.get(result.model)
            if earlier is None or earlier[0].status == "failed":
                found[result.model] = (result, file.path)
            elif result.status != "failed" and not _same(earlier[0], result):
                raise DataError(
                    f"'{file.path}' and '{earlier[1]}' have different results of {result.model}.",
                    hint="Leave one of the files out, or give the models different names.",
                )
    places = {
        result.model: _place(file, number, index)
        for number, file in enumerate(files)
        for index, result in enumerate(file.results)
    }
    return [found[name][0] for name in sorted(found, key=lambda name: places[name])]


def _place(file: ResultFile, number: int, index: int) -> tuple[int, int]:
    """Return the place of a model in the zoo, of which a shard has every N-th entry."""
    shard = file.config.get("shard")
    return (index, int(shard.partition("/")[0])) if shard else (number, index)


def _same(one: ModelResult, other: ModelResult) -> bool:
    """Return whether two results agree in everything but their time."""
    return repr(replace(one, seconds=0.0)) == repr(replace(other, seconds=0.0))


def _warnings(files: Sequence[ResultFile]) -> list[str]:
    """Return the warnings of all parts, each once."""
    said = dict.fromkeys(text for file in files for text in file.document.get("notes", ()))
    stopped = [str(file.path) for file in files if file.document.get("interrupted")]
    if stopped:
        said[f"{', '.join(stopped)}: stopped before its end, so models are missing."] = None
    versions = {str(file.document["versions"]) for file in files}
    if len(versions) > 1:
        said["the parts were scored with different versions of libraries: see their JSON."] = None
    return list(said)


def _missing(files: Sequence[ResultFile]) -> list[str]:
    shards = [str(file.config["shard"]) for file in files if file.config.get("shard")]
    if not shards:
        return []
    parts = int(shards[0].partition("/")[2])
    expected = {f"{number}/{parts}" for number in range(1, parts + 1)}
    missing = sorted(expected - set(shards))
    return [f"shard {', '.join(missing)} is missing."] if missing else []


def _record(files: Sequence[ResultFile], results: Sequence[ModelResult]) -> dict[str, Any]:
    first = files[0].document
    kept = ("created", "seed", "versions", "dataset", "device")
    return {
        **{name: first[name] for name in kept if name in first},
        "config": {**first["config"], "shard": None},
        "seconds": round(sum(file.document.get("seconds") or 0 for file in files), 3),
        "order": [result.model for result in results],
        "merged": [
            {
                "file": str(file.path),
                "shard": file.config.get("shard"),
                "created": file.document.get("created"),
                "models": len(file.results),
            }
            for file in files
        ],
    }
