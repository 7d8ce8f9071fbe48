"""Find the files of a checkpoint in several, by their index or by their names."""

from __future__ import annotations

import json
import re
from pathlib import Path

from acrank.errors import ModelError
from acrank.utils.regular import is_regular, open_regular
from acrank.utils.visible import brief

INDEX = ".index.json"
# An index names every tensor once: the largest public ones have a few megabytes.
_MOST_INDEX = 50 * 10**6
_MOST_SHARDS = 10_000
_NUMBERED = re.compile(r"(?P<start>.+-)(?P<this>\d{5})-of-(?P<all>\d{5})(?P<end>\.\w+)")


def is_index(path: Path) -> bool:
    """Tell whether a file of weights is the index of several files."""
    return path.name.endswith(INDEX)


def weights_files(weights: Path) -> tuple[Path, ...]:
    """The files that hold a checkpoint's tensors.

    Args:
        weights: one file; the index of several; or one of ``NAME-00001-of-00003.SUFFIX``, which
            stands for all of them.

    Raises:
        ModelError: some are missing, or the index is none.
    """
    paths = [weights.parent / name for name in shard_names(weights)]
    missing = [path.name for path in paths if not is_regular(path)]
    if missing and paths != [weights]:
        others = f" and {len(missing) - 1} more are" if len(missing) > 1 else " is"
        raise ModelError(
            f"{weights.name} is of a checkpoint in {len(paths)} file(s); {brief(missing[0])}"
            f"{others} missing.",
            hint="Fetch all of them into one folder.",
        )
    return tuple(paths)


def weights_size(weights: Path) -> int:
    """Bytes of a checkpoint's files, together.

    Raises:
        ModelError: some are missing.
    """
    return sum(path.stat().st_size for path in weights_files(weights))


def shard_names(weights: Path) -> tuple[str, ...]:
    """The names of the files with a checkpoint's tensors, in order; they lie in one folder.

    Raises:
        ModelError: the index is none, or names files elsewhere.
    """
    if is_index(weights):
        return _indexed(weights)
    numbered = _NUMBERED.fullmatch(weights.name)
    count = int(numbered["all"]) if numbered else 1
    if numbered is None or not 1 < count <= _MOST_SHARDS:
        return (weights.name,)
    start, end = numbered["start"], numbered["end"]
    return tuple(f"{start}{i:05}-of-{count:05}{end}" for i in range(1, count + 1))


def _indexed(index: Path) -> tuple[str, ...]:
    hint = "Fetch the file again; its weight_map names a file for each tensor."
    try:
        with open_regular(index, _MOST_INDEX) as file:
            content = json.loads(file.read())
        names = sorted({str(name) for name in content["weight_map"].values()})
    except Exception as error:  # json's, the codecs', RecursionError; no object, no such key
        message = f"{index.name} is not a readable index of a checkpoint: it has no weight_map."
        raise ModelError(message, hint=hint) from error
    strange = [name for name in names if not re.fullmatch(r"[\w-][\w.-]*", name)]
    if strange or not names or len(names) > _MOST_SHARDS:
        said = f"names {brief(strange[0])!r}" if strange else f"names {len(names)} files"
        message = f"{index.name} {said}: the files of a checkpoint lie beside their index."
        raise ModelError(message, hint=hint)
    return tuple(names)
