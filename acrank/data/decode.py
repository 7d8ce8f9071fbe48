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
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from acrank.data.imagefile import one_large_at_a_time, open_image

SHORTEST = 768
# Pixels that are converted at a time.
STRIP = 4_000_000
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
    with open_image(io.BytesIO(data)) as image:
        _draft(image)
        with one_large_at_a_time(image):
            return _decode(image)


def _decode(image: Image.Image) -> Decoded:
    if image.mode == "F":
        raise UnsupportedPixelsError("floating-point pixels (mode F)")
    load_oriented(image)
    if image.mode.startswith("I"):
        return _deep_grey(image)
    strips = [np.asarray(_reduced(_plain(strip), image)) for strip in _strips(image)]
    return Decoded(np.concatenate(strips).astype(np.uint8, copy=False))


def _draft(image: Image.Image) -> None:
    """Let the JPEG decoder itself halve a large image: faster, and it never holds the whole."""
    if min(image.size) >= 2 * SHORTEST:
        image.draft(None, (SHORTEST, SHORTEST))


def load_oriented(image: Image.Image) -> None:
    """Decode the first frame and apply its EXIF orientation, in place: a copy costs as much."""
    image.load()
    # the pixels are sound; a damaged EXIF block says nothing of orientation
    with suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)


def _strips(image: Image.Image) -> Iterator[Image.Image]:
    """Cut an image that will be reduced into strips of whole blocks of pixels.

    Converting one strip at a time gives the same pixels and holds no second copy of the whole.
    """
    factor = _factor(image)
    rows = image.height if factor == 1 else max(1, STRIP // (factor * image.width)) * factor
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


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


def _factor(image: Image.Image) -> int:
    """How many pixels are averaged, each way: the shorter side stays ``SHORTEST`` at least."""
    return max(1, min(image.size) // SHORTEST)


def _reduced(strip: Image.Image, image: Image.Image) -> Image.Image:
    """Average blocks of pixels of a strip, as large as the whole image needs."""
    factor = _factor(image)
    return strip.reduce(factor) if factor > 1 else strip


def _deep_grey(image: Image.Image) -> Decoded:
    """Read 16-bit grey (I;16, I;16B, I) as it is; ``to_eight_bits`` scales it later."""
    parts, extremes = [], []
    for strip in _strips(image):
        values = np.asarray(strip).astype(np.int32)
        extremes += [int(values.min()), int(values.max())]
        parts.append(np.asarray(_reduced(Image.fromarray(values), image)))
    low, high = min(extremes), max(extremes)
    if low < 0 or high > 65535:
        raise UnsupportedPixelsError(f"32-bit pixels from {low} to {high} do not fit 16 bits")
    return Decoded(np.concatenate(parts), peak=high)


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
