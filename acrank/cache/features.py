"""Write the features of each model into a safetensors file, and read them again."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from acrank.config import RunConfig
from acrank.data import AnySample
from acrank.errors import ConfigError, DataError
from acrank.metrics.registry import METRICS
from acrank.results import ModelResult
from acrank.results.record import from_record, to_record
from acrank.scoring.extract import Extracted
from acrank.tasks.registry import TASKS
from acrank.utils.described import Effect, described
from acrank.utils.device import precision_name
from acrank.utils.paths import user_path

SCHEMA = "2"
ENDING = ".safetensors"


def network_settings() -> set[str]:
    """Return the settings that scores of a network depend on, besides sample and precision."""
    task, settings = TASKS["classification"], described(RunConfig).items()
    return {n for n, one in settings if one.effect is Effect.NETWORK and one.is_for(task)}


class FeatureWriter:
    """Writes each model's features as it finishes.

    A file holds ``features`` (N, D) and, with a source classifier, ``source_probs`` (N, K) as
    float32, where a score asked for them ``random_features`` (N, D') likewise, ``labels`` (N,) as
    int64, and in its metadata the class names, the images' ids, the dataset's fingerprint, what is
    known of the model, and the scores that only its network gives.

    Args:
        folder: is made if it does not exist.
        sample: that all features are of.
        config: of the run.
        dtype: of autocast; None for full precision. It is recorded, and not the setting:
            ``auto`` is another on another processor.

    Raises:
        ConfigError: the folder cannot be made or written to.
    """

    def __init__(
        self, folder: Path, sample: AnySample, config: RunConfig, dtype: torch.dtype | None = None
    ) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"Folder '{folder}' cannot be made: {error.strerror}.") from None
        if not os.access(folder, os.W_OK):
            raise ConfigError(f"Folder '{folder}' cannot be written to.", hint="Choose another.")
        self.folder = folder
        settings = config.model_dump(mode="json", include=network_settings())
        self.common = {
            "schema_version": SCHEMA,
            "data": config.data,
            "settings": json.dumps({**settings, "precision": precision_name(dtype)}),
            "classes": json.dumps(list(sample.classes)),
            "ids": json.dumps(list(sample.keys)),
            "fingerprint": sample.fingerprint,
        }

    def has(self, result: ModelResult, key: str) -> bool:
        """Return whether the folder has a model's file that was written under a key."""
        try:
            with safe_open(self.folder / file_name(result.model), framework="numpy") as file:
                return dict(file.metadata() or {}).get("key") == key
        except (OSError, SafetensorError):
            return False

    def __call__(self, result: ModelResult, extracted: Extracted, key: str = "") -> None:
        """Write one model's file.

        Args:
            result: of the model.
            extracted: its features.
            key: that the result is kept under.

        Raises:
            ConfigError: the disk is full or read-only.
        """
        tensors: dict[str, Any] = {"features": extracted.features, "labels": extracted.labels}
        if extracted.source_probs is not None:
            tensors["source_probs"] = extracted.source_probs
        if extracted.random_features is not None:
            tensors["random_features"] = extracted.random_features
        tensors = {name: np.ascontiguousarray(values) for name, values in tensors.items()}
        path = self.folder / file_name(result.model)
        temporary = path.with_suffix(".part")
        try:
            metadata = {**self.common, "key": key, "model": _model_record(result)}
            save_file(tensors, temporary, metadata)
            temporary.replace(path)
        except (OSError, SafetensorError) as error:
            raise ConfigError(f"'{path}' could not be written: {error}.") from None
        finally:
            temporary.unlink(missing_ok=True)


def file_name(model: str) -> str:
    """Make a file name for a model's features: different for every model on every disk.

    Names with upper case or with characters that not every disk takes end in a part of their
    hash.
    """
    safe = re.sub(r"[^a-z0-9._-]", "_", model.lower())
    if safe != model:
        safe += "-" + hashlib.sha256(model.encode()).hexdigest()[:8]
    return safe + ENDING


def read_features(folder: Path) -> tuple[list[tuple[ModelResult, Extracted]], dict[str, Any]]:
    """Read every model's features in a folder, by file name, and what they have in common.

    Args:
        folder: written by ``acrank score --features``.

    Returns:
        For each file a result without the scores of features, and the arrays; then the class
        names, the fingerprint and the target's name.

    Raises:
        DataError: no such folder, no file in it, a file that cannot be read, or files of
            different samples.
    """
    folder = user_path(folder)
    paths = sorted(folder.glob(f"*{ENDING}")) if folder.is_dir() else []
    if not paths:
        raise DataError(
            f"There are no features in '{folder}'.",
            hint="Write some with: acrank score --data ... --features DIR",
        )
    read = [_read_file(path) for path in paths]
    first = read[0][2]
    for path, (_, _, metadata) in zip(paths, read, strict=True):
        _refuse_mixture(paths[0], first, path, metadata)
    common = {
        "name": first["data"],
        "classes": json.loads(first["classes"]),
        "sampled": len(json.loads(first["ids"])),
        "fingerprint": first["fingerprint"],
        "settings": json.loads(first["settings"]),
    }
    return [(result, extracted) for result, extracted, _ in read], common


def _refuse_mixture(
    first: Path, expected: dict[str, str], path: Path, metadata: dict[str, str]
) -> None:
    """Refuse features of different images, or AC-Corr of different steps: they do not compare."""
    if metadata["fingerprint"] != expected["fingerprint"]:
        raise DataError(
            f"'{path.name}' and '{first.name}' come from different samples.",
            hint="Rank features of one run only: the same data, --samples and --seed.",
        )
    ours, theirs = json.loads(expected["settings"]), json.loads(metadata["settings"])
    for name, value in ours.items():
        if theirs.get(name) != value:
            raise DataError(
                f"'{path.name}' was written with {name} {theirs.get(name)}, '{first.name}' with "
                f"{value}.",
                hint="Rank features of one run only, or write them again into an empty folder.",
            )


def _read_file(path: Path) -> tuple[ModelResult, Extracted, dict[str, str]]:
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata.get("schema_version") != SCHEMA or "settings" not in metadata:
            raise ValueError("it was not written by acrank score --features")
        extracted = Extracted.of_images(
            tensors["features"],
            tensors["labels"],
            tensors.get("source_probs"),
            tensors.get("random_features"),
        )
        return _result(json.loads(metadata["model"])), extracted, metadata
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"'{path}' cannot be read: {error}.") from None


def _model_record(result: ModelResult) -> str:
    """Make the record of a result in a file: everything that a later ranking cannot compute."""
    kept = replace(
        result,
        scores={name: score for name, score in result.scores.items() if _of_network(name)},
        undefined={name: text for name, text in result.undefined.items() if _of_network(name)},
        guards={},
        layers=(),
    )
    return json.dumps(to_record(kept))


def _of_network(metric: str) -> bool:
    return METRICS[metric].needs_network


def _result(record: dict[str, Any]) -> ModelResult:
    result = from_record(record)
    known = {name: score for name, score in result.scores.items() if name in METRICS}
    return replace(result, scores=known, seconds=0.0)
