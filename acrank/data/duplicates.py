"""The same image in two classes: found without reading more than a little of most files."""

import hashlib
import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from pathlib import Path

from acrank.data.imagefile import in_threads
from acrank.data.target import Item, PathSource

_TAIL = 4096


def in_two_classes(items: Sequence[Item], classes: Sequence[str]) -> list[str]:
    """Say how many images lie in more than one class, byte for byte, with an example.

    Only files of one size are compared, first by their last bytes: in compressed images these
    differ, so that hardly any file is read whole that is not a copy.

    Args:
        items: of a dataset; those that are no files are left out.
        classes: the names that their labels mean.
    """
    groups = [[item for item in items if isinstance(item.source, PathSource)]]
    for look in (_size, partial(_digest, last=_TAIL), partial(_digest, last=None)):
        groups = [same for group in groups for same in _contradicting(group, look)]
    if not groups:
        return []
    first = sorted(groups[0], key=lambda item: item.key)
    other = next(item for item in first if item.label != first[0].label)
    shown = " and ".join(f"{item.key} ({classes[item.label]})" for item in (first[0], other))
    are = "image is" if len(groups) == 1 else "images are"
    return [f"{len(groups)} {are} in two classes or more, byte for byte the same: {shown}."]


def _contradicting(group: Sequence[Item], look: Callable[[Path], Hashable]) -> Iterable[list[Item]]:
    """Those of a group that look the same and are of several classes, in groups."""
    paths = [item.source.path for item in group if isinstance(item.source, PathSource)]
    seen = in_threads(look, paths, chunksize=32)
    found: dict[Hashable, list[Item]] = {}
    for item, value in zip(group, seen, strict=True):
        found.setdefault(value, []).append(item)
    return [same for same in found.values() if len({item.label for item in same}) > 1]


def _size(path: Path) -> Hashable:
    try:
        return path.stat().st_size
    except OSError:  # the check of the images has named it, or drawing it will
        return str(path)


def _digest(path: Path, last: int | None) -> Hashable:
    try:
        with PathSource(path).open() as file:
            if last is not None:
                file.seek(max(0, file.seek(0, os.SEEK_END) - last))
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return str(path)
