"""Keep a fine-tuning on disk, so that it continues from its last whole epoch if killed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import torch

from acrank.errors import ConfigError
from acrank.utils.files import whole_file, write_whole
from acrank.utils.serialise import json_text

STATE = "state.pt"
RECORD = "finetune.json"
# Fields of a record that are read again; "files" is there only where weights were kept.
_PARTS = {"device": dict, "log": list}


class OtherFinetuningError(ConfigError):
    """A folder holds a fine-tuning of other data, weights or settings."""


def save_state(folder: Path, identity: str, state: dict[str, Any]) -> None:
    """Write the state whole, or leave the one before.

    Args:
        folder: folder of the fine-tuning.
        identity: hash of the network, the settings and the data.
        state: tensors and plain values.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        with whole_file(folder / STATE) as stream:
            _save({"identity": identity, "state": state}, stream)
    except ConfigError as error:
        raise ConfigError(
            error.message,
            hint="Once this is fixed, the same command resumes after the last complete epoch.",
        ) from None


def _save(content: dict[str, Any], stream: IO[bytes]) -> None:
    try:
        torch.save(content, stream)
    except RuntimeError as error:  # of the archive's end, which hides what stopped its writing
        raise error.__context__ or error from None


def load_state(folder: Path, identity: str) -> dict[str, Any] | None:
    """Load the state that an interrupted fine-tuning left; None if there is none.

    Raises:
        ConfigError: it is of another fine-tuning, or damaged.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged file makes the reader raise
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"'{path}' cannot be read: {reason}.", hint="Start again with --fresh."
        ) from None
    refuse_other(path, kept.get("identity"), identity)
    state: dict[str, Any] = kept["state"]
    return state


def load_record(folder: Path, identity: str, note: Callable[[str], None]) -> dict[str, Any] | None:
    """Load the record of a finished fine-tuning; None if there is none.

    Args:
        folder: folder of the fine-tuning.
        identity: hash of the network, the settings and the data.
        note: takes a sentence on a damaged record, which counts as none.

    Raises:
        ConfigError: it is of another fine-tuning.
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record, dict):
            raise ValueError("it is not the record of a fine-tuning")
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        note(f"{path} cannot be read ({reason}), so the network is trained again")
        return None
    refuse_other(path, record.get("identity"), identity)
    if lacking := [name for name, kind in _PARTS.items() if type(record.get(name)) is not kind]:
        note(f"{path} lacks {', '.join(lacking)}, so the network is trained again")
        return None
    return record


def save_record(folder: Path, record: dict[str, Any]) -> None:
    """Write the record of a finished fine-tuning, and remove its state."""
    write_whole(folder / RECORD, json_text(record))
    forget_state(folder)


def sums(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return sizes and SHA-256 hashes of the files that exist, by name."""
    return {name: _sum(folder / name) for name in names if (folder / name).is_file()}


def damage(folder: Path, record: Mapping[str, Any], needed: str) -> str:
    """Find damage in the files of a fine-tuning; empty if they are as it wrote them.

    Args:
        folder: folder of the fine-tuning.
        record: its record with the :func:`sums` of the files.
        needed: file that has to be there.
    """
    written = record.get("files", {})
    if not isinstance(written, dict) or not all(isinstance(n, dict) for n in written.values()):
        return f"{RECORD} does not list the files that were written"
    for name in dict.fromkeys((needed, *written)):
        path = folder / name
        if name not in written or not path.is_file():
            return f"{name} is not there"
        known, size = written[name], path.stat().st_size
        if size != known.get("bytes"):
            return f"{name} has {size} bytes, and {known.get('bytes')} were written"
        if _sum(path) != known:
            return f"{name} has changed since it was written"
    return ""


def _sum(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def forget_state(folder: Path) -> None:
    """Remove the state, if it is there."""
    (folder / STATE).unlink(missing_ok=True)


def refuse_other(path: Path, found: object, identity: str) -> None:
    """Raise OtherFinetuningError where a file is of another fine-tuning."""
    if found != identity:
        raise OtherFinetuningError(
            f"'{path}' belongs to another fine-tuning, with other data, weights or settings.",
            hint="Give another folder with --output, or --fresh to start again.",
        )
