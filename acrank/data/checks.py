"""Every image is checked before anything is computed, and all the damaged ones are named.

Why so strict: the usual training loaders replace an image that they cannot decode by the next one
and go on, so a damaged dataset is scored as if it were sound.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import SEEK_END
from typing import BinaryIO

from PIL import ImageFile

from acrank.data.deep import deep_image
from acrank.data.imagefile import (
    explain,
    in_threads,
    one_large_at_a_time,
    open_image,
    strict_pillow,
)
from acrank.data.target import Item, Source
from acrank.errors import DataError
from acrank.utils.first_bytes import LOOKED_AT, Group, kind_of
from acrank.utils.visible import visible

REPAIR = "Repair or remove these files."
LISTED = 20

_CONVERT = "Convert them to PNG or JPEG."
_FETCH = "Download the images themselves: what came in their place are pages or messages."
_UNPACK = "Unpack the archives, and convert NIfTI volumes (.nii.gz): export their slices as PNG."
# What to do about files that have an image's name and are of another kind.
_INSTEAD = {
    Group.ARCHIVE: _UNPACK,
    Group.ARRAYS: _CONVERT,
    Group.DATABASE: _FETCH,
    Group.DICOM: "Convert DICOM files to PNG.",
    Group.DOCUMENT: _CONVERT,
    Group.FOREIGN_IMAGE: _CONVERT,
    Group.JSON: _FETCH,
    Group.MODEL: _FETCH,
    Group.PAGE: _FETCH,
    Group.POINTER: "Fetch the images: git lfs pull, or git annex get.",
    Group.VOLUME: "Export slices of the volumes as PNG.",
}

_TAIL = 64
_JPEG_END = b"\xff\xd9"
_END_MARKERS = {"JPEG": _JPEG_END, "MPO": _JPEG_END, "PNG": b"IEND"}


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
    if kind is None or kind.group is Group.IMAGE:  # an image, but a damaged one
        return fault
    return Fault(fault.where, f"{fault.reason}, but {kind.words}", _INSTEAD[kind.group])


def find_fault(item: Item) -> Fault | None:
    """Look at an image's header and end; decode it if the end looks wrong, or has no marker."""
    try:
        with item.source.open() as file:
            reason = _find_reason(file)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise nearly every type on damaged input
        return fault_of(item.source, error)
    return Fault(str(item.source), reason) if reason else None


def fault_of(source: Source, error: Exception) -> Fault:
    """Describe what is wrong with an image that raised an error, with the error's hint if any."""
    return Fault(str(source), explain(error), getattr(error, "hint", REPAIR))


def _find_reason(file: BinaryIO) -> str | None:
    size = file.seek(0, SEEK_END)
    if size == 0:
        return "empty file (0 bytes)"
    file.seek(0)
    with open_image(file) as image:
        marker = _END_MARKERS.get(image.format or "")
        if marker is None:
            with one_large_at_a_time(image):
                _load(file, image)
            return None
        if marker in _tail(file, size):
            if image.format == "PNG":
                file.seek(0)
                with open_image(file) as again:
                    again.verify()  # the checksums of its chunks
            return None
    return _decode_to_confirm(file, marker)


def _load(file: BinaryIO, image: ImageFile.ImageFile) -> None:
    file.seek(0)
    deep = deep_image(file.read(), image)
    for part in deep.images if deep else [image]:
        part.load()


def _tail(file: BinaryIO, size: int) -> bytes:
    file.seek(max(0, size - _TAIL))
    return file.read()


def _decode_to_confirm(file: BinaryIO, marker: bytes) -> str | None:
    """Decode an image whose end marker is not where it should be.

    Bytes after the end are harmless, and decoding succeeds. It also succeeds on a JPEG whose
    missing part is zeros, as an interrupted download into a reserved file leaves it: there the
    marker is nowhere after the last scan's start.
    """
    file.seek(0)
    data = file.read()
    with open_image(io.BytesIO(data)) as image, one_large_at_a_time(image):
        image.load()
    scan = data.rfind(b"\xff\xda")
    if marker == _JPEG_END and not any(data[-_TAIL:]) and marker not in data[scan:]:
        return "no end of the image: the rest of the file is zeros"
    return None
