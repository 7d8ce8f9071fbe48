"""Read masks: every pixel becomes the value, or the colour, that is stored.

- Formats: those that keep values exact; a mask that was ever compressed with loss is no mask.
- Palette images: the indices, or the palette's colours where classes are given as colours.
- 1-, 2- and 4-bit grey: the stored values, which Pillow scales up for display.
- Colour images of three equal channels: the value of one.
- Orientation: the EXIF orientation is applied, as it is to images.
- Refused, as their labels cannot be told: transparency, several frames, floating point.
"""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from acrank.data.checks import Fault, fault_of
from acrank.data.decode import load_oriented
from acrank.data.deep import deep_image
from acrank.data.imagefile import one_large_at_a_time, open_image, raw_mode
from acrank.data.images import ImageSource
from acrank.utils.first_bytes import LOOKED_AT, Group, kind_of

FORMATS = ("PNG", "TIFF", "BMP", "DIB", "GIF", "PPM")

Codes = npt.NDArray[Any]
# The colour of each value that a mask has, if it has a palette.
Palette = Mapping[int, tuple[int, ...]]

_LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp")
_RESAVE = "Save masks as PNG, with one value or one colour per class and nothing else."
_UNCOMPRESSED = (
    "Save masks as PNG where they are made; a black and white one can be mended by a threshold, "
    "255 where it is over 127 and 0 elsewhere, and saved as PNG."
)
_COLOUR = (
    "Give each class its colour in classes.yaml beside images/ and masks/, "
    "as in: classes: {background: [0, 0, 0], vessel: [255, 0, 0]}."
)
# What Pillow multiplies grey values of fewer bits with.
_SCALES = {"L;2": 85, "L;4": 17}


class MaskError(ValueError):
    """A sound image that is no mask.

    Args:
        reason: why.
        hint: how to mend it.
    """

    def __init__(self, reason: str, hint: str = _RESAVE) -> None:
        super().__init__(reason)
        self.hint = hint


@dataclass(frozen=True)
class Mask:
    """One mask as it is stored.

    Attributes:
        codes: integers (H, W): the value of each pixel, or its colour as in ``0xff0000``.
        digest: the hash of the file.
        palette: the colour of each value that it has, if it has a palette.
    """

    codes: Codes
    digest: str
    palette: Palette = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width = self.codes.shape
        return width, height


def read_mask(source: ImageSource, *, colour: bool) -> Mask | Fault:
    """Read a mask's bytes once, for the hash and for the pixels.

    Args:
        source: where they are.
        colour: whether classes are colours.
    """
    data = b""
    try:
        with source.open() as file:
            data = file.read()
        if not data:
            return Fault(str(source), "empty file (0 bytes)")
        codes, palette = _decode(data, colour=colour)
        return Mask(codes, hashlib.sha256(data).hexdigest(), palette)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's readers raise nearly every type on damaged input
        fault, kind = fault_of(source, error), kind_of(data[:LOOKED_AT])
        if kind is None or kind.group is Group.IMAGE:
            return fault
        return Fault(fault.where, f"{fault.reason}, but {kind.words}", _RESAVE)


def decode_mask(data: bytes, *, colour: bool) -> Codes:
    """Decode a mask by the rules of this module.

    Args:
        data: the file.
        colour: whether to return colours instead of values.

    Raises:
        MaskError: it is no mask.
        Exception: whatever Pillow raises on a damaged file.
    """
    return _decode(data, colour=colour)[0]


def _decode(data: bytes, *, colour: bool) -> tuple[Codes, Palette]:
    with open_image(io.BytesIO(data)) as image:
        _refuse_format(image)
        raw = raw_mode(image)
        deep = deep_image(data, image)
        if (deep or ";16" in raw) and (not deep or len(deep.images) > 1 or deep.alpha):
            raise MaskError("a colour image of 16 bits a channel")
        with one_large_at_a_time(image):
            load_oriented(image)
            if colour:
                return _colours(image), {}
            codes = _values(image) // _SCALES.get(raw, 1)
            return codes, _palette(image, codes)


def _palette(image: Image.Image, codes: Codes) -> Palette:
    """The colours of the values that an image with a palette has."""
    flat = image.getpalette() if image.mode == "P" else None
    if flat is None:
        return {}
    used = np.flatnonzero(np.bincount(codes.ravel(), minlength=1)).tolist()
    return {code: tuple(flat[3 * code : 3 * code + 3]) for code in used}


def _refuse_format(image: Image.Image) -> None:
    lossy = image.info.get("compression") in _LOSSY_TIFF
    if image.format not in FORMATS or lossy:
        what = f"{image.format} with lossy compression" if lossy else image.format
        raise MaskError(f"saved as {what}, which does not keep class values exact", _UNCOMPRESSED)
    if image.format == "PPM":
        _refuse_scaled(image)
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise MaskError(f"{frames} frames, so it is unclear which one is the mask")


def _refuse_scaled(image: Image.Image) -> None:
    """Refuse PPM and PGM that give another largest value than their bits: Pillow scales these."""
    codec, _, _, arguments = getattr(image, "tile", [("", None, 0, None)])[0]
    largest = arguments[-1] if isinstance(arguments, tuple) else None
    if codec.startswith("ppm") and isinstance(largest, int) and largest not in (1, 255, 65535):
        raise MaskError(f"grey up to {largest} in its header, in place of 255 or 65535")


def _values(image: Image.Image) -> Codes:
    """The stored value of each pixel: uint8, or int32 beyond 8 bits."""
    if image.mode in ("1", "L", "P"):
        return np.asarray(image).astype(np.uint8, copy=False)
    if image.mode.startswith("I"):
        return _deep_values(np.asarray(image).astype(np.int32))
    if image.mode not in ("LA", "RGB", "RGBA"):
        raise MaskError(f"pixels of mode {image.mode}")
    bands = _opaque(image)
    if any(not np.array_equal(bands[0], band) for band in bands[1:]):
        raise MaskError("a colour image, where values of classes are expected", _COLOUR)
    return bands[0]


def _deep_values(values: Codes) -> Codes:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise MaskError(f"32-bit pixels from {low} to {high}, which do not fit 16 bits")
    return values


def _colours(image: Image.Image) -> Codes:
    """The colour of each pixel as one number."""
    if image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
        raise MaskError(f"pixels of mode {image.mode}, where colours of classes are expected")
    plain = image if image.mode in ("LA", "RGBA") else image.convert("RGB")
    bands = _opaque(plain)
    red, green, blue = (band.astype(np.int32) for band in (bands * 3 if len(bands) < 3 else bands))
    return (red << 16) | (green << 8) | blue


def _opaque(image: Image.Image) -> list[Codes]:
    """The channels without transparency, which has to be nowhere."""
    bands = [np.asarray(band) for band in image.split()]
    if image.mode in ("LA", "RGBA") and bands.pop().min() < 255:
        raise MaskError("transparent pixels, whose class is unclear")
    return bands
