"""The decoding rules: what each kind of image file becomes.

- Orientation: the EXIF orientation is applied.
- Several frames: the first is taken.
- Transparency: composited over black.
- Colour: RGB. CMYK, YCbCr, LAB, HSV and palette images are converted to it.
- Grey: 8-bit and 1-bit images stay one channel until a network wants three.
- Grey beyond 8 bits: scaled, never clipped, with one bit depth for a whole sample (``grey_depth``).
- Integers outside 0..65535 and floating point: refused, as their range has no agreed meaning.
- Large images: the shorter side is brought near ``SHORTEST`` by averaging blocks of pixels.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from acrank.data.imagefile import open_image

SHORTEST = 768
DEPTHS = (8, 10, 12, 14, 16)

Pixels = npt.NDArray[np.uint8]


class UnsupportedPixelsError(ValueError):
    """A sound image whose values cannot be brought to 8 bits without guessing."""


@dataclass(frozen=True)
class Decoded:
    """One decoded image.

    Attributes:
        values: uint8 (H, W) or (H, W, 3); int32 (H, W) for grey beyond 8 bits.
        peak: the largest value of a grey image beyond 8 bits, before any reduction; else None.
    """

    values: npt.NDArray[Any]
    peak: int | None = None


def decode(data: bytes) -> Decoded:
    """Decode one image by the rules of this module.

    Raises:
        UnsupportedPixelsError: floating-point or out-of-range pixels.
        Exception: whatever Pillow raises on a damaged file.
    """
    with open_image(io.BytesIO(data)) as file:
        _draft(file)
        image = _oriented(file)
    if image.mode == "F":
        raise UnsupportedPixelsError("floating-point pixels (mode F)")
    if image.mode.startswith("I"):
        return _deep_grey(image)
    return Decoded(np.asarray(_reduced(_plain(image)), dtype=np.uint8))


def _draft(image: Image.Image) -> None:
    """Let the JPEG decoder itself halve a large image: faster, and it never holds the whole."""
    if min(image.size) >= 2 * SHORTEST:
        image.draft(None, (SHORTEST, SHORTEST))


def _oriented(image: Image.Image) -> Image.Image:
    """Decode the first frame and apply its EXIF orientation."""
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # the pixels are sound; a damaged EXIF block says nothing of orientation
        return image.copy()


def _plain(image: Image.Image) -> Image.Image:
    """Bring an image of at most 8 bits a channel to L or RGB, without transparency."""
    if image.has_transparency_data:
        return _over_black(image)
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _over_black(image: Image.Image) -> Image.Image:
    """Composite over black: what a renderer without a background shows."""
    grey = image.mode in ("1", "L", "LA")
    layered = image.convert("LA" if grey else "RGBA")
    colour = layered.convert("L" if grey else "RGB")
    canvas = Image.new(colour.mode, colour.size)
    canvas.paste(colour, mask=layered.getchannel("A"))
    return canvas


def _reduced(image: Image.Image) -> Image.Image:
    """Average blocks of pixels so that the shorter side stays at or above ``SHORTEST``."""
    factor = min(image.size) // SHORTEST
    return image.reduce(factor) if factor > 1 else image


def _deep_grey(image: Image.Image) -> Decoded:
    """Read 16-bit grey (I;16, I;16B, I) as it is; ``to_eight_bits`` scales it later."""
    values = np.asarray(image).astype(np.int32)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise UnsupportedPixelsError(f"32-bit pixels from {low} to {high} do not fit 16 bits")
    return Decoded(np.asarray(_reduced(Image.fromarray(values))), peak=high)


def grey_depth(peaks: Iterable[int]) -> int:
    """Choose the bit depth that explains all the 16-bit grey images of a sample.

    Scanners store 10 to 14 significant bits in 16-bit files. Scaled from 16 bits, such images
    would be nearly black; scaled one by one, their brightness would no longer compare.
    """
    peak = max(peaks)
    return next(depth for depth in DEPTHS if peak < 2**depth)


def to_eight_bits(values: npt.NDArray[Any], depth: int) -> Pixels:
    """Scale grey values of a bit depth to 0..255."""
    scaled: Pixels = np.rint(values * (255 / (2**depth - 1))).astype(np.uint8)
    return scaled
