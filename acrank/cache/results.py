"""Store results on disk: a small JSON file each, under its key, never changed once written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import platformdirs
from filelock import FileLock, Timeout

from acrank.errors import ConfigError
from acrank.results import ModelResult
from acrank.results.record import from_record, to_record
from acrank.utils.files import write_whole
from acrank.utils.serialise import loads

# Writing takes milliseconds: who holds a lock longer has died on a disk that cannot tell.
LOCK_SECONDS = 30


@dataclass(frozen=True)
class Key:
    """The key of one model's result: all that it depends on.

    Attributes:
        fields: everything that it depends on but for the metrics.
        metrics: the metrics it must have, each with the version of its code.
    """

    fields: dict[str, Any]
    metrics: dict[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 of the fields, in hexadecimal."""
        return _sha256(self.fields)

    @property
    def metrics_digest(self) -> str:
        """SHA-256 of the metrics, in hexadecimal."""
        return _sha256(self.metrics)


def _sha256(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Store(Protocol):
    """A place where finished results are kept."""

    def get(self, key: Key) -> ModelResult | None:
        """Return a result with all of the key's metrics, or None."""

    def put(self, key: Key, result: ModelResult, data: str) -> str:
        """Keep a result; returns why it could not be kept, or an empty string."""


@dataclass(frozen=True)
class Kept:
    """One entry, as ``acrank cache ls`` shows it."""

    path: Path
    model: str
    data: str
    metrics: int
    size: int
    modified: float


def cache_folder() -> Path:
    """Return the folder for what can be made again: ``ACRANK_CACHE``, or the system's place.

    Raises:
        ConfigError: there is none: the user has no home, as in many containers.
    """
    given = os.environ.get("ACRANK_CACHE")
    try:
        return Path(given).expanduser() if given else platformdirs.user_cache_path("acrank")
    except (RuntimeError, KeyError):  # neither HOME nor the system's list of users names one
        whose = f"in ACRANK_CACHE={given!r}" if given else "of this user, as HOME is not set,"
        raise ConfigError(
            f"The home folder {whose} is not known.", hint="Set ACRANK_CACHE to a folder."
        ) from None


def open_store(folder: Path | None, tell: Callable[[str], None] = lambda text: None) -> Store:
    """Open the store of results; without a place for it, one that keeps nothing and says so.

    Args:
        folder: for the results; None for that in the cache folder.
        tell: is given a sentence where an entry is unreadable.
    """
    try:
        return ResultStore(folder, tell)
    except ConfigError as error:
        return Nowhere(error.message.rstrip("."))


@dataclass(frozen=True)
class Nowhere:
    """A store that keeps nothing, as there is no place for it.

    Attributes:
        reason: why there is none.
    """

    reason: str

    def get(self, key: Key) -> ModelResult | None:
        """Return nothing."""
        return None

    def put(self, key: Key, result: ModelResult, data: str) -> str:
        """Keep nothing; returns why."""
        return self.reason


class ResultStore:
    """A store of results in a folder; safe to use from several processes at once.

    Args:
        folder: is made when something is kept; None for ``results`` in the cache folder.
        tell: is given a sentence where an entry is unreadable.
    """

    def __init__(
        self, folder: Path | None = None, tell: Callable[[str], None] = lambda text: None
    ) -> None:
        self.folder = folder or cache_folder() / "results"
        self.tell = tell

    def __reduce__(self) -> tuple[type[ResultStore], tuple[Path]]:
        return ResultStore, (self.folder,)  # who is told stays in this process

    def get(self, key: Key) -> ModelResult | None:
        """Return a result of exactly this key that has its metrics or more; None if there is none.

        Args:
            key: of the model in this run.
        """
        place = self._place(key)
        own = place / f"{key.metrics_digest}.json"
        # the very metrics first; then entries that have others besides
        for path in (own, *self._others(place, own)):
            entry = self._read(path)
            if entry is None or entry["key"] != key.fields:
                continue
            if key.metrics.items() <= entry["metrics"].items():
                return self._result(path, entry, key)
        return None

    def _others(self, place: Path, own: Path) -> list[Path]:
        try:
            return sorted(set(place.glob("*.json")) - {own})
        except OSError as error:  # a name beyond the disk's limit, a share that is gone
            self._unreadable(place, error)
            return []

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            self._unreadable(path, error)
            return None
        try:
            entry = loads(text)
            missing = {"key", "metrics", "result"} - entry.keys()
            if missing or not all(isinstance(entry[name], dict) for name in ("metrics", "result")):
                raise ValueError("it is not an entry of the store")
        except (ValueError, AttributeError, RecursionError) as error:
            self._unreadable(path, error)
            return None
        return dict(entry)

    def _result(self, path: Path, entry: dict[str, Any], key: Key) -> ModelResult | None:
        try:
            result = from_record(entry["result"])
        except ValueError as error:
            self._unreadable(path, error)
            return None
        wanted = key.metrics.keys()
        return replace(
            result,
            scores={name: value for name, value in result.scores.items() if name in wanted},
            undefined={name: text for name, text in result.undefined.items() if name in wanted},
            guards={name: found for name, found in result.guards.items() if name in wanted},
            kept=True,
        )

    def _unreadable(self, path: Path, error: Exception) -> None:
        reason = " ".join(str(error).split())[:200]
        self.tell(f"the kept result {path} cannot be read and is computed again: {reason}")

    def put(self, key: Key, result: ModelResult, data: str) -> str:
        """Keep a result, whole or not at all.

        Args:
            key: of the model in this run.
            result: as it was scored.
            data: the target's name, for a reader.

        Returns:
            Why it could not be kept; empty if it was.
        """
        place = self._place(key)
        entry = {
            "key": key.fields,
            "metrics": key.metrics,
            "data": data,
            "created": time.time(),
            "result": to_record(result),
        }
        text = json.dumps(entry, allow_nan=False, ensure_ascii=False)
        try:
            place.mkdir(parents=True, exist_ok=True)
            with FileLock(place / ".lock", timeout=LOCK_SECONDS):
                write_whole(place / f"{key.metrics_digest}.json", text + "\n")
        except Timeout:
            return f"another process holds the lock {place / '.lock'}"
        except ConfigError as error:
            return error.message
        except OSError as error:
            return f"{place}: {error.strerror or error}"
        return ""

    def _place(self, key: Key) -> Path:
        return self.folder / key.digest[:2] / key.digest

    def __iter__(self) -> Iterator[Kept]:
        """Iterate over every readable entry, by model and age."""
        found = []
        for path in self.folder.glob("??/*/*.json"):
            entry = self._read(path)
            if entry is None:
                continue
            status = path.stat()
            model = str(entry["result"].get("model"))
            data, count = str(entry.get("data", "")), len(entry["metrics"])
            found.append(Kept(path, model, data, count, status.st_size, status.st_mtime))
        yield from sorted(found, key=lambda kept: (kept.model, kept.modified))

    def clear(self) -> int:
        """Remove everything, readable or not; returns how many entries there were."""
        count = sum(1 for _ in self.folder.glob("??/*/*.json"))
        if self.folder.exists():
            shutil.rmtree(self.folder)
        return count

    def remove(self, entries: Iterator[Kept] | list[Kept]) -> int:
        """Remove entries, and the folders that they leave empty; returns how many."""
        count = 0
        for kept in entries:
            kept.path.unlink(missing_ok=True)
            count += 1
            if not any(kept.path.parent.glob("*.json")):
                shutil.rmtree(kept.path.parent, ignore_errors=True)
        return count
