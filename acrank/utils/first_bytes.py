"""Tell what a file is by its first bytes, whatever its name says."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import NamedTuple

# What is enough to tell a file by; a NIfTI header's mark is at byte 344, a tar archive's at 257.
LOOKED_AT = 1024


class Group(Enum):
    """Kinds of files for which the same has to be done."""

    ARCHIVE = auto()
    ARRAYS = auto()
    DATABASE = auto()
    DICOM = auto()
    DOCUMENT = auto()
    FOREIGN_IMAGE = auto()
    IMAGE = auto()
    JSON = auto()
    MODEL = auto()
    PAGE = auto()
    POINTER = auto()
    VOLUME = auto()


class Kind(NamedTuple):
    """A kind of file in words with their article, and the group that it belongs to."""

    words: str
    group: Group


# Where a mark begins, how it reads, and what it means; the first that matches counts.
_MARKS = (
    (0, rb"version https://git-lfs", Kind("a Git LFS pointer", Group.POINTER)),
    (0, rb"[^\n]{,300}/annex/objects/[^\n]{,99}$", Kind("a git-annex pointer", Group.POINTER)),
    (0, rb"(\xef\xbb\xbf)?\s*<(?i:!doctype html|html|head|!--)", Kind("an HTML page", Group.PAGE)),
    (0, rb"\s*<(?i:\?xml|svg)", Kind("an XML or SVG document", Group.DOCUMENT)),
    (0, rb"\s*\{\s*\"", Kind("a JSON document", Group.JSON)),
    (0, rb"%PDF", Kind("a PDF document", Group.DOCUMENT)),
    (0, rb"\x89PNG|\xff\xd8\xff|GIF8|II\*\0|MM\0\*", Kind("an image", Group.IMAGE)),
    (
        4,
        rb"ftyp(avif|avis|heic|heix|mif1|msf1)",
        Kind("an HEIC or AVIF image", Group.FOREIGN_IMAGE),
    ),
    (128, rb"DICM", Kind("a DICOM file", Group.DICOM)),
    (344, rb"n\+1\0|ni1\0", Kind("a NIfTI volume", Group.VOLUME)),
    (0, rb"\x89HDF", Kind("an HDF5 file", Group.ARRAYS)),
    (0, rb"\x93NUMPY", Kind("one NumPy array (.npy)", Group.ARRAYS)),
    (0, rb"GGUF", Kind("a GGUF file, of quantized weights", Group.MODEL)),
    (4, rb"TFL3", Kind("a TensorFlow Lite model", Group.MODEL)),
    (0, rb"\x1f\x8b", Kind("a gzip archive", Group.ARCHIVE)),
    (0, rb"PK\x03\x04|PK\x05\x06", Kind("a ZIP archive", Group.ARCHIVE)),
    (0, rb"BZh", Kind("a bzip2 archive", Group.ARCHIVE)),
    (0, rb"\xfd7zXZ\0", Kind("an xz archive", Group.ARCHIVE)),
    (0, rb"\x28\xb5\x2f\xfd", Kind("a zstd archive", Group.ARCHIVE)),
    (0, rb"7z\xbc\xaf\x27\x1c", Kind("a 7z archive", Group.ARCHIVE)),
    (0, rb"Rar!", Kind("a RAR archive", Group.ARCHIVE)),
    (257, rb"ustar", Kind("a tar archive", Group.ARCHIVE)),
    (0, rb"SQLite format 3\0", Kind("an SQLite database", Group.DATABASE)),
)
_PATTERNS = [(start, re.compile(mark), kind) for start, mark, kind in _MARKS]


def kind_of(head: bytes) -> Kind | None:
    """The kind of a file; None if its first bytes tell nothing.

    Args:
        head: its first ``LOOKED_AT`` bytes, or all of a shorter file.
    """
    return next((kind for start, mark, kind in _PATTERNS if mark.match(head[start:])), None)
