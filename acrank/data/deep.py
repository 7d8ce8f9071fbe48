"""Read images of more than 8 bits a channel exactly.

Pillow has no mode for colour beyond 8 bits and keeps the high byte of each value. Its decoders are
right up to there, so that a file is decoded once for the high bytes and once for the low ones: it
is told that the bytes come in the other order. Bands that a TIFF keeps one after the other are
read as so many grey images, and grey with transparency (PNG) as an image of four bytes a pixel.
CMYK is left to Pillow: its values are shares of full ink, so that the high byte says them all.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import ImageFile

from acrank.data.bands import UnsupportedPixelsError, planes_of
from acrank.data.imagefile import open_image, raw_mode

Values = npt.NDArray[np.int32]
Box = tuple[int, int, int, int]

# The largest value, and what stands for no transparency.
FULL = 65535
_COLOUR = re.compile(r"(RGB|RGBA|RGBa|LA);16([BLN])")
_OTHER = {"B": "L", "L": "B"}


class Deep(NamedTuple):
    """An image of more than 8 bits a channel.

    Attributes:
        images: of Pillow, of one size and not loaded, which have its values together.
        join: from the arrays of one box of these to values (H, W, C).
        alpha: whether the last channel is transparency.
        blended: whether the others have been multiplied by it.
        key: the values of a pixel that is transparent; None if there is none.
    """

    images: list[ImageFile.ImageFile]
    join: Callable[[list[npt.NDArray[Any]]], Values]
    alpha: bool = False
    blended: bool = False
    key: tuple[int, ...] | None = None

    def values(self, box: Box) -> Values:
        """The values (H, W, C) in a box: left, top, right, bottom."""
        return self.join([np.asarray(image.crop(box)) for image in self.images])


def deep_image(data: bytes, image: ImageFile.ImageFile) -> Deep | None:
    """Find how an image of more than 8 bits a channel is read; None for another image.

    Args:
        data: the file.
        image: opened from it, and not loaded.

    Raises:
        UnsupportedPixelsError: it is one that Pillow's decoders do not read right.
    """
    _read_ppm_raw(image)
    planes = planes_of(image)
    if planes and planes.bits > 8 and image.tile[0].codec_name == "raw":
        return _planar(data, image, planes.many, planes.alpha)
    key = image.info.get("transparency")
    if image.mode.startswith("I"):
        return Deep([image], _alone, key=(key,) if isinstance(key, int) else None)
    match = _COLOUR.fullmatch(raw_mode(image))
    if match is None:
        return None
    bands, order = match.groups()
    if bands == "LA":
        _set_raw(image, "RGBA")
        return Deep([image], _byte_pairs, alpha=True)
    return _two_bytes(data, image, bands, order, key if isinstance(key, tuple) else None)


def _two_bytes(
    data: bytes, image: ImageFile.ImageFile, bands: str, order: str, key: tuple[int, ...] | None
) -> Deep:
    """Colour, whose file is decoded for each of the two bytes of a value."""
    again = open_image(io.BytesIO(data))
    _read_ppm_raw(again)
    order = sys.byteorder[0].upper() if order == "N" else order
    # of colours that have been multiplied by transparency Pillow would undo that, byte by byte
    _set_raw(image, f"{bands.upper()};16{order}")
    _set_raw(again, f"{bands.upper()};16{_OTHER[order]}")
    return Deep([image, again], _high_and_low, bands != "RGB", bands == "RGBa", key)


def _planar(data: bytes, image: ImageFile.ImageFile, count: int, alpha: int | None) -> Deep:
    """The bands of a TIFF that keeps each by itself, uncompressed."""
    mode = "I;16" if data.startswith(b"II") else "I;16B"
    planes = [image, *(open_image(io.BytesIO(data)) for _ in range(count - 1))]
    share = len(image.tile) // count
    for place, plane in enumerate(planes):
        plane._mode = mode
        plane.tile = plane.tile[place * share : (place + 1) * share]
        _set_raw(plane, mode)
    return Deep(planes, _stacked, alpha is not None, alpha == 1)


def _read_ppm_raw(image: ImageFile.ImageFile) -> None:
    """Have colour of a PPM read as it is stored; Pillow would scale it to 8 bits."""
    if image.format != "PPM" or image.mode != "RGB":
        return
    (tile,) = image.tile
    arguments = tile.args if isinstance(tile.args, tuple) else ()
    if len(arguments) < 2 or arguments[1] <= 255:
        return
    if tile.codec_name != "ppm":
        raise UnsupportedPixelsError(
            "PPM in plain text with more than 8 bits a channel", "Save it as PNG."
        )
    image.tile = [tile._replace(codec_name="raw", args=("RGB;16B", 0, 1))]


def _set_raw(image: ImageFile.ImageFile, raw: str) -> None:
    """Say how an image's bytes are to be understood."""
    image.tile = [
        tile._replace(args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw)
        for tile in image.tile
    ]


def _alone(arrays: list[npt.NDArray[Any]]) -> Values:
    return arrays[0].astype(np.int32)[..., None]


def _stacked(arrays: list[npt.NDArray[Any]]) -> Values:
    return np.stack(arrays, axis=-1).astype(np.int32)


def _high_and_low(arrays: list[npt.NDArray[Any]]) -> Values:
    high, low = arrays
    values: Values = high.astype(np.int32) * 256 + low
    return values


def _byte_pairs(arrays: list[npt.NDArray[Any]]) -> Values:
    return _high_and_low([arrays[0][..., ::2], arrays[0][..., 1::2]])


def over_black(values: Values, deep: Deep) -> tuple[Values, int, bool]:
    """Lay values over black, as images of 8 bits are.

    Args:
        values: (H, W, C) of the image.
        deep: the image.

    Returns:
        Values (H, W, C) without the channel of transparency, the largest value of a pixel that is
        not wholly transparent, and whether any is transparent.
    """
    if deep.key is not None:
        clear = (values == np.array(deep.key)).all(axis=-1, keepdims=True)
        seen = np.where(clear, 0, values)
        return seen, int(seen.max()), bool(clear.any())
    if not deep.alpha:
        return values, int(values.max()), False
    colours, alpha = values[..., :-1], values[..., -1:]
    peak = int(np.where(alpha > 0, colours, 0).max())
    if not deep.blended:
        colours = np.rint(colours * (alpha / FULL)).astype(np.int32)
    return colours, peak, bool(alpha.min() < FULL)
