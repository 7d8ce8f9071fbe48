"""Tell by its first bytes what a file is that has an image's name and is no image."""

import re
from typing import NamedTuple

from acrank.data.target import Source

_LOOKED_AT = 512
_CONVERT = "Convert them to PNG or JPEG."
_FETCH = "Download the images themselves: what came in their place are pages or messages."


class Kind(NamedTuple):
    """A kind of file in words, and what to do with such files."""

    words: str
    hint: str


# Where a mark begins, and how it reads.
_MARKS = (
    (128, rb"DICM", Kind("a DICOM file", "Convert DICOM files to PNG.")),
    (0, rb"version https://git-lfs", Kind("a Git LFS pointer", "Fetch the images: git lfs pull.")),
    (0, rb"\s*<(!doctype html|html|head)", Kind("an HTML page", _FETCH)),
    (0, rb"\s*<(\?xml|svg)", Kind("an XML or SVG document", _CONVERT)),
    (0, rb"\s*\{\s*\"", Kind("a JSON document", _FETCH)),
    (4, rb"ftyp(avif|avis|heic|heix|mif1|msf1)", Kind("an HEIC or AVIF image", _CONVERT)),
    (0, rb"\x1f\x8b", Kind("a gzip archive, such as NIfTI in .nii.gz", "Unpack or convert them.")),
    (0, rb"PK\x03\x04", Kind("a ZIP archive", "Unpack the archives.")),
    (0, rb"%PDF", Kind("a PDF document", _CONVERT)),
    (0, rb"\x89HDF", Kind("an HDF5 file", _CONVERT)),
    (0, rb"\x93NUMPY", Kind("a NumPy array", _CONVERT)),
    (344, rb"n\+1\0|ni1\0", Kind("a NIfTI volume", "Export slices of the volumes as PNG.")),
)
_PATTERNS = [(start, re.compile(mark, re.IGNORECASE), kind) for start, mark, kind in _MARKS]


def kind_of(source: Source) -> Kind | None:
    """Tell what a file is that cannot be read as an image; None if its first bytes tell nothing.

    Args:
        source: of the image.
    """
    try:
        with source.open() as file:
            head = file.read(_LOOKED_AT)
    except OSError:
        return None
    found = (kind for start, mark, kind in _PATTERNS if mark.match(head[start:]))
    return next(found, None)
