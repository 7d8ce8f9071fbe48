"""Check every image before anything is computed, and name all the damaged ones.

Why so strict: the usual training loaders replace an image that they cannot decode by the next one
and go on, so a damaged dataset is scored as if it were sound.
"""

import hashlib
import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from acrank.data.imagefile import (
    explain,
    in_threads,
    strict_pillow,
)
from acrank.data.images import MOST_BYTES, ImageSource
from acrank.data.target import Item, Target
from acrank.errors import DataError
from acrank.utils.first_bytes import LOOKED_AT, Group, kind_of
from acrank.utils.regular import open_regular
from acrank.utils.visible import visible

REPAIR = "Repair or remove these files."
LISTED = 20

_CONVERT = "Convert them to PNG or JPEG."
_FETCH = "Download the images themselves; these files are web pages or messages."
_UNPACK = "Unpack the archives, and convert NIfTI volumes (.nii.gz): export their slices as PNG."
# What to do about files that have an image's name and are of another kind.
_INSTEAD = {
    Group.ARCHIVE: _UNPACK,
    Group.ARRAYS: _CONVERT,
    Group.DATABASE: _FETCH,
    Group.DICOM: "Give DICOM files the suffix .dcm, or none.",
    Group.DOCUMENT: _CONVERT,
    Group.FOREIGN_IMAGE: _CONVERT,
    Group.JSON: _FETCH,
    Group.MODEL: _FETCH,
    Group.PAGE: _FETCH,
    Group.POINTER: "Fetch the images with git lfs pull or git annex get.",
    Group.VOLUME: "Export slices of the volumes as PNG.",
}

# Last bytes by which files of one size are compared before they are read whole.
_COMPARED = 4096


@dataclass(frozen=True)
class Fault:
    """One image that cannot be used: which, why, and how to mend it."""

    where: str
    reason: str
    hint: str = REPAIR


def listing(lines: Sequence[str], limit: int = LISTED) -> str:
    """Set lines under one another, and count those beyond the limit."""
    shown = [visible(line) for line in lines[:limit]]
    if len(lines) > len(shown):
        shown.append(f"... and {len(lines) - len(shown)} more")
    return "".join(f"\n  {line}" for line in shown) + "."


def refuse_faults(
    name: str, total: int, faults: Iterable[Fault], *, things: str = "images"
) -> None:
    """Raise one error that counts the faults and lists the first twenty, if there are any.

    Args:
        name: of the dataset.
        total: how many things were looked at.
        faults: those found.
        things: what was looked at, in the plural.

    Raises:
        DataError: there is.
    """
    found = list(faults)
    if not found:
        return
    lines = [f"{fault.where}: {fault.reason}" for fault in found]
    hints = dict.fromkeys(fault.hint for fault in found)
    raise DataError(
        f"{name}: {len(found)} of {total} {things} cannot be used:{listing(lines)}",
        hint=" ".join(hints),
    )


def checked(target: Target) -> Target:
    """Check every image of a dataset, and say which images are in two classes.

    Args:
        target: as it was read.

    Returns:
        The same dataset with what is to be said of it.

    Raises:
        DataError: images are damaged; it counts them and lists twenty.
    """
    check_images(target.name, target.items)
    copies = in_two_classes(target.items, target.classes)
    return replace(target, warnings=(*target.warnings, *copies))


def check_images(name: str, items: Sequence[Item]) -> None:
    """Check that every item is a whole image, decoding only where nothing cheaper tells.

    JPEG has an end marker, PNG an end marker and checksums; other formats are decoded. Damage
    inside a JPEG shows only when it is decoded, as every drawn image is.

    Raises:
        DataError: some are not; it counts them and lists twenty.
    """
    with strict_pillow():
        faults = in_threads(find_fault, items, chunksize=32)
    found = zip(items, faults, strict=True)
    refuse_faults(name, len(items), (_named(item, fault) for item, fault in found if fault))


def _named(item: Item, fault: Fault) -> Fault:
    """A fault with what the file is instead of an image, if its first bytes tell."""
    try:
        with item.source.open() as file:
            kind = kind_of(file.read(LOOKED_AT))
    except OSError:
        return fault
    # an image, or what it should be, but damaged
    if kind is None or kind.group in (Group.IMAGE, item.source.group):
        return fault
    return Fault(fault.where, f"{fault.reason}, but {kind.words}", _INSTEAD[kind.group])


def find_fault(item: Item) -> Fault | None:
    """Check one image as its source does."""
    try:
        reason = item.source.check()
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise nearly every type on damaged input
        return fault_of(item.source, error)
    return Fault(str(item.source), reason) if reason else None


def fault_of(source: ImageSource, error: Exception) -> Fault:
    """Describe what is wrong with an image that raised an error, with the error's hint if any."""
    return Fault(str(source), explain(error), getattr(error, "hint", REPAIR))


def in_two_classes(items: Sequence[Item], classes: Sequence[str]) -> list[str]:
    """Say how many images lie in more than one class, byte for byte, with an example.

    Only files of one size are compared, first by their last bytes: in compressed images these
    differ, so that hardly any file is read whole that is not a copy.

    Args:
        items: of a dataset; those that are no files are left out.
        classes: the names that their labels mean.
    """
    groups = [[item for item in items if item.source.file]]
    for look in (_size, partial(_digest, last=_COMPARED), partial(_digest, last=None)):
        groups = _contradicting(groups, look)
    if not groups:
        return []
    first = sorted(groups[0], key=lambda item: item.key)
    other = next(item for item in first if item.label != first[0].label)
    shown = " and ".join(f"{item.key} ({classes[item.label]})" for item in (first[0], other))
    are = "image is" if len(groups) == 1 else "images are"
    return [f"{len(groups)} {are} in two classes or more, byte for byte the same: {shown}."]


def _contradicting(
    groups: Sequence[Sequence[Item]], look: Callable[[Path], Hashable]
) -> list[list[Item]]:
    """Those within each group that look the same and are of several classes, in groups."""
    paths = [item.source.file for group in groups for item in group if item.source.file]
    seen = iter(in_threads(look, paths, chunksize=32))  # all at once: threads take time to start
    found: dict[tuple[int, Hashable], list[Item]] = {}
    for number, group in enumerate(groups):
        for item in group:
            found.setdefault((number, next(seen)), []).append(item)
    return [same for same in found.values() if len({item.label for item in same}) > 1]


def _size(path: Path) -> Hashable:
    try:
        return path.stat().st_size
    except OSError:  # the check of the images has named it, or drawing it will
        return str(path)


def _digest(path: Path, last: int | None) -> Hashable:
    try:
        with open_regular(path, MOST_BYTES) as file:
            if last is not None:
                file.seek(max(0, file.seek(0, os.SEEK_END) - last))
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return str(path)
