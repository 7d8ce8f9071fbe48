"""Define where one image comes from: how its bytes are read, checked and decoded."""

from __future__ import annotations

import hashlib
import io
import os
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile

from acrank.data.decode import Decoded, decode, load_oriented
from acrank.data.deep import deep_image
from acrank.data.imagefile import one_large_at_a_time, open_image
from acrank.errors import ConfigError, DataError
from acrank.utils.first_bytes import Group
from acrank.utils.regular import open_regular

# Of an image file: as many as the largest image that is decoded has uncompressed.
MOST_BYTES = 1_000_000_000
_TAIL = 64
# Orientations that swap width and height.
_TURNED = (5, 6, 7, 8)
# Under these names PNG files carry an orientation, before their pixels or after them.
_PNG_MARKS = (b"eXIf", b"XML:com.adobe.xmp", b"Raw profile type")
_JPEG_END = b"\xff\xd9"
_END_MARKERS = {"JPEG": _JPEG_END, "MPO": _JPEG_END, "PNG": b"IEND"}


@dataclass(frozen=True)
class Opening:
    """Settings for opening data.

    Attributes:
        offline: make no request.
        window: the lowest and the highest value that count, where pixels have units (DICOM).
        group_column: the column of a table that names the group of each image; None for none.
    """

    offline: bool = False
    window: tuple[float, float] | None = None
    group_column: str | None = None

    def refuse_unused(self, name: str, *, windowed: bool) -> None:
        """Refuse a window for images without units.

        Args:
            name: of the dataset.
            windowed: whether pixels of it have units.

        Raises:
            ConfigError: a window is set, and they have none.
        """
        if self.window is not None and not windowed:
            raise ConfigError(
                f"--window is for volumes and DICOM images, and {name} has neither.",
                hint="Omit it.",
            )


class ImageSource(ABC):
    """The source of one image; ``str()`` of it names the image in messages.

    What is here reads the files that Pillow reads; other kinds of images have their own ways.

    Attributes:
        group: what first bytes say of such a file.
        windowed: whether its pixels have units, so that a window of the user's counts.
    """

    group: ClassVar[Group] = Group.IMAGE
    windowed: ClassVar[bool] = False

    @abstractmethod
    def open(self) -> BinaryIO:
        """Open the undecoded image for reading."""

    @property
    def file(self) -> Path | None:
        """The file that holds this image and nothing else; None for an image from elsewhere."""
        return None

    def check(self) -> str | None:
        """Say why the image is not whole, decoding only where nothing cheaper tells; None if it is.

        Raises:
            Exception: whatever its readers raise on a damaged file; a ``hint`` that the error
                has is shown.
        """
        with self.open() as file:
            return _why_not_whole(file)

    def size(self) -> tuple[int, int]:
        """Width and height as shown, from the header where that tells.

        Raises:
            Exception: whatever its readers raise on a damaged file.
        """
        with self.open() as file:
            return _shown_size(file)

    def decode(self, data: bytes) -> Decoded:
        """Decode the image.

        Args:
            data: all of its bytes.

        Raises:
            Exception: whatever its readers raise on a damaged file.
        """
        return decode(data)

    def digest(self, data: bytes) -> str:
        """A hash of everything that the pixels depend on: SHA-256 in hexadecimal digits.

        Kept results are found by it: a source that decodes in a way of its own, or by settings,
        adds the version of that way, or the settings, to the bytes.

        Args:
            data: all of its bytes.
        """
        return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class PathSource(ImageSource):
    """An image in a file."""

    path: Path

    @property
    def file(self) -> Path:
        """The file."""
        return self.path

    def open(self) -> BinaryIO:
        """Open the file.

        Raises:
            OSError: it cannot be opened, is no regular file, or larger than any image here.
        """
        return open_regular(self.path, MOST_BYTES)

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class BytesSource(ImageSource):
    """An image in memory."""

    name: str
    data: bytes = field(repr=False)

    def open(self) -> BinaryIO:
        """Wrap the bytes as a file."""
        return io.BytesIO(self.data)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class PixelSource(ImageSource):
    """One image of an array of pixels.

    Its bytes are those of PGM or PPM, which have no compressor whose version they depend on.

    Attributes:
        name: of the image in messages.
        pixels: uint8 (N, H, W), or (N, H, W, 3) in RGB.
        index: of the image in it.
    """

    name: str
    pixels: npt.NDArray[np.uint8] = field(repr=False, compare=False)
    index: int

    def __post_init__(self) -> None:
        """Refuse arrays of another kind, whose bytes would be taken for grey values.

        Raises:
            DataError: it is one.
        """
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or shape[3:] not in ((), (3,)) or len(shape) < 3:
            raise DataError(
                f"{self.name}: pixels are an array of {self.pixels.dtype} {shape}.",
                hint="Give uint8 (N, height, width), or (N, height, width, 3) in RGB.",
            )

    def open(self) -> BinaryIO:
        """Encode the pixels."""
        image = np.ascontiguousarray(self.pixels[self.index])
        height, width, *colours = image.shape
        head = b"P6" if colours else b"P5"
        return io.BytesIO(head + b" %d %d 255\n" % (width, height) + image.tobytes())

    def check(self) -> str | None:
        """Nothing can be wrong with pixels that have been read."""
        return None

    def __str__(self) -> str:
        return self.name


def _why_not_whole(file: BinaryIO) -> str | None:
    """Look at an image's header and end; decode it if the end looks wrong, or has no marker."""
    size = file.seek(0, os.SEEK_END)
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


def _shown_size(file: BinaryIO) -> tuple[int, int]:
    with open_image(file) as image:
        if image.format in ("JPEG", "MPO"):
            return _turned(image)
        if image.format == "PNG" and not _may_turn(file):
            return image.size
        with one_large_at_a_time(image):
            load_oriented(image)
            return image.size


def _turned(image: Image.Image) -> tuple[int, int]:
    """The size that orienting a JPEG gives, from its header."""
    orientation = None
    with suppress(Exception):  # as in decode: a damaged EXIF block says nothing of orientation
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    return (image.height, image.width) if orientation in _TURNED else image.size


def _may_turn(file: BinaryIO) -> bool:
    """Tell whether a PNG may carry an orientation; its bytes are searched, not decoded."""
    place = file.tell()
    file.seek(0)
    data = file.read()
    file.seek(place)
    return any(mark in data for mark in _PNG_MARKS)
