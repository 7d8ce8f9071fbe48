"""Read MedMNIST files: images, labels and their three parts as arrays in one ``.npz`` file.

Nothing in a file is unpickled. What an array claims to be is read from its header and checked
before any pixel is unpacked; arrays that are too large for memory are unpacked to a temporary
file, which goes when the process ends.
"""

from __future__ import annotations

import lzma
import math
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from acrank.data.checks import checked
from acrank.data.images import Opening, PixelSource
from acrank.data.sources.base import DataSource, HeldOut, Recognised, Sure, existing
from acrank.data.target import Target, assemble
from acrank.errors import DataError
from acrank.utils.paths import user_path

SUFFIX = ".npz"
PARTS = ("train", "val", "test")
# The part follows a colon at the end.
_SPEC = re.compile(rf"(?P<file>.+\.npz)(?::(?P<part>{'|'.join(PARTS)}))?", re.IGNORECASE)
# Bytes of an array that is kept in memory; larger ones go to a temporary file.
IN_MEMORY = 2_000_000_000
# Bytes that an array may have unpacked; the largest of MedMNIST+ has 14 GB.
MOST_BYTES = 100_000_000_000
MOST_LABELS = 100_000_000
_SHOWN = 8
_LAYOUT = (
    "A MedMNIST file has train_images, uint8 (N, height, width) or (N, height, width, 3), and "
    "train_labels, whole numbers (N, 1); val_ and test_ are optional. Other arrays: write each "
    "image to a file, PNG for one, in a folder of its class, and give the folder."
)


class Given(NamedTuple):
    """A file, and the part of it that is meant."""

    file: Path
    part: str


class Claim(NamedTuple):
    """The header of an array: its shape, its type, and whether rows or columns come first."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: Literal["C", "F"] = "C"

    @property
    def size(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


class MedMnist(DataSource):
    """A MedMNIST file, of which the training part is read unless another one is named."""

    name = "medmnist"
    written = "a MedMNIST file as NAME.npz or NAME.npz:test"

    def recognise(self, spec: str, *, asked: bool) -> Recognised | None:
        """A file called ``.npz``, with or without the name of a part."""
        return Recognised("a file of NumPy arrays", Sure.WRITTEN) if _given(spec) else None

    def open(self, spec: str, how: Opening) -> Target:
        """Read one part; labels become the classes ``0``, ``1`` and so on."""
        given = _given(spec)
        assert given is not None  # it was recognised
        return checked(_read(spec, given))

    def meant(self, spec: str) -> str | None:
        """Name the parts, where another word follows the name of a file that is there."""
        file, colon, _ = spec.rpartition(":")
        if not colon or _given(file) is None:
            return None
        return f"After the colon goes {', '.join(PARTS[:-1])} or {PARTS[-1]}: {file}:{PARTS[-1]}."

    def held_out(self, spec: str) -> HeldOut:
        """The file's own validation and test part, where its training part is meant."""
        given = _given(spec)
        if given is None or given.part != "train":
            return HeldOut()
        with _archive(given.file) as archive:
            names = _arrays(archive)
            held = [p for p in PARTS[1:] if f"{p}_images" in names]
            # a part may be there and empty
            there = [
                p for p in held if _claim(given.file, archive, f"{p}_images").shape[:1] != (0,)
            ]
        named = {part: f"{given.file}:{part}" for part in there}
        return HeldOut(named.get("val"), named.get("test"), of_one_file=True)

    def title(self, spec: str) -> str:
        """The file's name without its suffix."""
        given = _given(spec)
        return given.file.stem if given else spec


def _given(spec: str) -> Given | None:
    match = _SPEC.fullmatch(spec)
    path = existing(match["file"]) if match else None
    if match is None or path is None or path.is_dir():
        return None
    return Given(user_path(match["file"]), (match["part"] or "train").lower())


def _read(spec: str, given: Given) -> Target:
    with _archive(given.file) as archive:
        claims = {name: _claim(given.file, archive, name) for name in _arrays(archive)}
        images, labels = f"{given.part}_images", f"{given.part}_labels"
        if images not in claims or labels not in claims:
            raise DataError(
                f"{given.file}: no arrays {images} and {labels}. Arrays found: {_listed(claims)}.",
                hint=_other_parts(given, claims) or _LAYOUT,
            )
        _refuse_images(given.file, images, claims[images])
        _refuse_labels(given.file, labels, claims[labels], claims[images].shape[0])
        codes = _unpacked(given.file, archive, labels, claims[labels]).reshape(-1)
        pixels = _unpacked(given.file, archive, images, claims[images])
    if pixels.ndim == 4 and pixels.shape[3] == 1:
        pixels = pixels[..., 0]
    rows = (
        (f"{given.part}:{row}", str(code), PixelSource(f"{spec}, image {row}", pixels, row))
        for row, code in enumerate(codes.tolist())
    )
    return assemble(spec, rows, _notices(given, claims))


def _other_parts(given: Given, claims: dict[str, Claim]) -> str:
    """Say how the parts that the file has are given; empty if it has none."""
    found = [p for p in PARTS if {f"{p}_images", f"{p}_labels"} <= claims.keys()]
    return f"Give {' or '.join(f'{given.file}:{part}' for part in found)}." if found else ""


def _notices(given: Given, claims: dict[str, Claim]) -> list[str]:
    """Say which part is read, and which are left alone."""
    sizes = {p: claims[f"{p}_images"].shape[0] for p in PARTS if f"{p}_images" in claims}
    left = [f"{part} {size}" for part, size in sizes.items() if part != given.part]
    alone = f"; left alone are {' and '.join(left)}" if left else ""
    return [f"{given.part}_images of {given.file} ({sizes[given.part]}) are read{alone}."]


# What zipfile raises on damage, on unknown compression and on encryption (RuntimeError).
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(NotImplementedError, RuntimeError),
)


@contextmanager
def _archive(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except UNREADABLE as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise DataError(
            f"{file}: cannot be read as a file of NumPy arrays (.npz): {reason}.",
            hint="Download it again, or save it with numpy.savez.",
        ) from error


def _arrays(archive: zipfile.ZipFile) -> list[str]:
    return [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]


def _claim(file: Path, archive: zipfile.ZipFile, name: str) -> Claim:
    """Read an array's header, and nothing behind it.

    Raises:
        DataError: it has no such header, holds objects of Python, or other bytes than it says.
    """
    member = f"{name}.npy"
    try:
        with archive.open(member) as stream:
            claim = _header(stream)
            start = stream.tell()
    except (ValueError, SyntaxError) as error:
        raise DataError(f"{file}: {member} is not a NumPy array.", hint=_LAYOUT) from error
    if claim.dtype.hasobject:
        raise DataError(
            f"{file}: {name} holds Python objects, which could run code when they are read.",
            hint=f"Save it as plain numbers. {_LAYOUT}",
        )
    if start + claim.size != archive.getinfo(member).file_size:
        raise DataError(
            f"{file}: {name} claims {claim}, {claim.size:,} bytes, and the file has "
            f"{archive.getinfo(member).file_size - start:,}.",
            hint="Download it again.",
        )
    return claim


def _header(stream: IO[bytes]) -> Claim:
    # the header of any other version may be of any length, and none of images needs one
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("another version")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    return Claim(shape, dtype, "F" if fortran else "C")


def _listed(claims: dict[str, Claim]) -> str:
    shown = [f"{name} {claim}" for name, claim in claims.items()]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return (", ".join(shown[:_SHOWN]) or "none") + more


def _refuse_images(file: Path, name: str, claim: Claim) -> None:
    shape = claim.shape
    if len(shape) == 4 and shape[3] not in (1, 3) and (shape[1] in (1, 3) or shape[3] in (2, 4)):
        first = shape[1] in (1, 3)
        raise DataError(
            f"{file}: {name} are {claim}: images of {shape[1] if first else shape[3]} channels"
            f"{', which come first' if first else ''}.",
            hint=f"Save {'them with the channels last' if first else 'one channel, or three'}. "
            f"{_LAYOUT}",
        )
    if len(shape) == 5 or (len(shape) == 4 and shape[3] not in (1, 3)):
        sides = " x ".join(map(str, shape[1:4]))
        raise DataError(
            f"{file}: {name} are volumes of {sides} voxels with one label each.",
            hint="Volumes are read with a label for every voxel, as NIfTI files. To classify, "
            "write slices to files, PNG for one, in a folder of their class.",
        )
    if claim.dtype != np.uint8 or len(shape) not in (3, 4) or not all(shape):
        raise DataError(f"{file}: {name} are {claim}, not images.", hint=_LAYOUT)
    if claim.size > MOST_BYTES:
        raise DataError(
            f"{file}: {name} claim {claim.size:,} bytes, more than any images here have.",
            hint=_LAYOUT,
        )


def _refuse_labels(file: Path, name: str, claim: Claim, images: int) -> None:
    shape = claim.shape
    if len(shape) == 2 and shape[1] > 1:
        raise DataError(
            f"{file}: {name} has {shape[1]} columns: it holds several labels per image or one "
            "column per class, and neither is supported.",
            hint="If one column of each row is 1, save labels.argmax(axis=1) in its place. "
            "Otherwise choose one of the labels as the class, and give the images as class folders "
            "or as a CSV file with the columns path,label.",
        )
    if claim.dtype.kind not in "iu" or math.prod(shape) != shape[0] or shape[0] > MOST_LABELS:
        raise DataError(f"{file}: {name} are {claim}, not one class per image.", hint=_LAYOUT)
    if shape[0] != images:
        raise DataError(
            f"{file}: {images} images, and {shape[0]} labels in {name}.", hint="Download it again."
        )


def _unpacked(
    file: Path, archive: zipfile.ZipFile, name: str, claim: Claim
) -> npt.NDArray[np.uint8]:
    """An array, in memory or in a temporary file."""
    with archive.open(f"{name}.npy") as stream:
        _header(stream)
        if claim.size <= IN_MEMORY:
            room = bytearray(claim.size)  # filled in place: a copy would take as much again
            _fill(stream, memoryview(room))
            return np.frombuffer(room, claim.dtype).reshape(claim.shape, order=claim.order)
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if claim.size > free:
            raise DataError(
                f"{file}: {name} take {claim.size:,} bytes unpacked, and {tempfile.gettempdir()} "
                f"has {free:,} left.",
                hint="Set TMPDIR to a folder with more room.",
            )
        with tempfile.TemporaryFile() as unpacked:
            shutil.copyfileobj(stream, unpacked, 2**24)
            unpacked.flush()
            # the mapping keeps the file's room until the process ends
            kind, shape, order = claim.dtype, claim.shape, claim.order
            return np.memmap(unpacked, dtype=kind, mode="r", shape=shape, order=order)


def _fill(stream: IO[bytes], room: memoryview) -> None:
    while room:
        chunk = stream.read(min(len(room), 2**24))
        if not chunk:
            raise EOFError("the file ends early")
        room[: len(chunk)] = chunk
        room = room[len(chunk) :]
