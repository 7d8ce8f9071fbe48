"""How large an image is shown: from its header where that tells, so that few are decoded."""

from contextlib import suppress
from typing import BinaryIO

from PIL import ExifTags, Image

from acrank.data.checks import Fault, fault_of, find_fault
from acrank.data.decode import load_oriented
from acrank.data.imagefile import one_large_at_a_time, open_image
from acrank.data.target import Item, Source

Size = tuple[int, int]

# Orientations that swap width and height.
_TURNED = (5, 6, 7, 8)
# Under these names PNG files carry an orientation, before their pixels or after them.
_PNG_MARKS = (b"eXIf", b"XML:com.adobe.xmp", b"Raw profile type")


def check_size(source: Source) -> Size | Fault:
    """Check that an image is whole, and return its width and height with EXIF applied."""
    fault = find_fault(Item("", 0, source))
    if fault:
        return fault
    try:
        with source.open() as file:
            return _shown_size(file)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise nearly every type on damaged input
        return fault_of(source, error)


def _shown_size(file: BinaryIO) -> Size:
    with open_image(file) as image:
        if image.format in ("JPEG", "MPO"):
            return _turned(image)
        if image.format == "PNG" and not _may_turn(file):
            return image.size
        with one_large_at_a_time(image):
            load_oriented(image)
            return image.size


def _turned(image: Image.Image) -> Size:
    """The size that orienting a JPEG gives, from its header."""
    orientation = None
    with suppress(Exception):  # as in decode: a damaged EXIF block says nothing of orientation
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    return (image.height, image.width) if orientation in _TURNED else image.size


def _may_turn(file: BinaryIO) -> bool:
    """Whether a PNG may carry an orientation: its bytes are searched, which decodes nothing."""
    place = file.tell()
    file.seek(0)
    data = file.read()
    file.seek(place)
    return any(mark in data for mark in _PNG_MARKS)
