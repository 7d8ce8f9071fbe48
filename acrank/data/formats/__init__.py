"""Formats of image files, one class each, found by a file's suffix or by its first bytes."""

from acrank.data.formats.base import ImageFormat
from acrank.data.formats.registry import (
    FORMATS,
    format_notices,
    format_of,
    image_source,
    image_suffixes,
)

__all__ = [
    "FORMATS",
    "ImageFormat",
    "format_notices",
    "format_of",
    "image_source",
    "image_suffixes",
]
