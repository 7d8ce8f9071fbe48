"""Decode image files: the rules for what each kind of image becomes.

- Orientation: the EXIF orientation is applied.
- Several pages or frames: the first is taken, and how many there are is told.
- Transparency: composited over black, which is told.
- Colour: RGB. CMYK, YCbCr, LAB, HSV and palette images are converted to it.
- Grey: 8-bit and 1-bit images stay one channel until a network wants three.
- Grey and RGB beyond 8 bits: scaled, never clipped, with one bit depth for a whole sample.
- Further bands, and bits that Pillow would leave out: refused (:mod:`acrank.data.bands`).
- Integers outside 0..65535 and floating point: refused, as their range has no agreed meaning.
- Large images: the shorter side is brought near ``SHORTEST`` by averaging blocks of pixels.
"""

import io
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, ImageOps

from acrank.data.bands import UnsupportedPixelsError, white_is_zero
from acrank.data.deep import FULL, Box, Deep, deep_image, over_black
from acrank.data.imagefile import count_frames, one_large_at_a_time, open_image

# The shorter side of a reduced image is at least this long; the reduction bounds memory.
SHORTEST = 768
# Pixels that are converted at a time.
STRIP = 4_000_000
DEPTHS = (8, 10, 12, 14, 16)

Pixels = npt.NDArray[np.uint8]

_MODES = (
    "1",
    "L",
    "LA",
    "La",
    "P",
    "PA",
    "RGB",
    "RGBA",
    "RGBa",
    "RGBX",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
)


def told_enlarged(image_size: int | None) -> list[str]:
    """Say that large images are reduced further than the size that is asked for.

    Args:
        image_size: pixels of a side; None for each network's own.
    """
    if image_size is None or image_size <= SHORTEST:
        return []
    return [
        f"images are brought to {image_size} pixels, but large ones are decoded with a shorter "
        f"side of about {SHORTEST}, and enlarged again"
    ]


@dataclass(frozen=True)
class Decoded:
    """One decoded image.

    Attributes:
        values: uint8 (H, W) or (H, W, 3); int32 of either shape beyond 8 bits.
        peak: the largest value of an image beyond 8 bits, before any reduction; else None.
        inverted: whether values beyond 8 bits are of darkness: 0 is white.
        frames: how many pages or frames the file has.
        transparent: whether it has transparent pixels, which have become black.
        notes: what was assumed, as ends of the sentence "3 of 9 images ...".
        windowed: whether the window that the user gave was applied; None where none was given, or
            for an image that knows of none.
    """

    values: npt.NDArray[Any]
    peak: int | None = None
    inverted: bool = False
    frames: int = 1
    transparent: bool = False
    notes: tuple[str, ...] = ()
    windowed: bool | None = None

    def pixels(self, depth: int) -> Pixels:
        """The values in 8 bits; the depth is of those beyond that."""
        if self.peak is None:
            return self.values
        scaled = to_eight_bits(self.values, depth)
        return 255 - scaled if self.inverted else scaled


def decode(data: bytes) -> Decoded:
    """Decode one image by the rules of this module.

    Raises:
        UnsupportedPixelsError: floating-point or out-of-range pixels, or more bands than colour.
        Exception: whatever Pillow raises on a damaged file.
    """
    frames = count_frames(data)
    with open_image(io.BytesIO(data)) as image:
        _draft(image)
        with one_large_at_a_time(image):
            return replace(_decode(data, image), frames=frames)


def _decode(data: bytes, image: ImageFile.ImageFile) -> Decoded:
    deep = deep_image(data, image)
    if deep is not None:
        for part in deep.images:
            load_oriented(part)
        return _beyond_eight_bits(deep)
    load_oriented(image)
    if image.mode == "F":
        low, high = image.getextrema()
        raise UnsupportedPixelsError(f"floating-point pixels (from {low:g} to {high:g})")
    if image.mode not in _MODES:
        raise UnsupportedPixelsError(f"pixels of mode {image.mode}")
    strips = [np.asarray(_reduced(_plain(strip), image)) for strip in _strips(image)]
    values = np.concatenate(strips).astype(np.uint8, copy=False)
    return Decoded(values, transparent=_is_transparent(image))


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
    return (image.crop(box) for box in _boxes(image))


def _boxes(image: Image.Image) -> Iterator[Box]:
    factor = _factor(image)
    rows = image.height if factor == 1 else max(1, STRIP // (factor * image.width)) * factor
    for top in range(0, image.height, rows):
        yield (0, top, image.width, min(top + rows, image.height))


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
    """Count the pixels averaged each way; the shorter side keeps ``SHORTEST`` pixels or more."""
    return max(1, min(image.size) // SHORTEST)


def _reduced(strip: Image.Image, image: Image.Image) -> Image.Image:
    """Average blocks of pixels of a strip, as large as the whole image needs."""
    factor = _factor(image)
    return strip.reduce(factor) if factor > 1 else strip


def _is_transparent(image: Image.Image) -> bool:
    """Tell whether any pixel of an image of at most 8 bits a channel is transparent."""
    if not image.has_transparency_data:
        return False
    alpha = image if "A" in image.getbands() else image.convert("RGBA")
    return bool(np.asarray(alpha.getchannel("A")).min() < 255)


def _beyond_eight_bits(deep: Deep) -> Decoded:
    """Read more than 8 bits a channel as they are; ``to_eight_bits`` scales them later."""
    image = deep.images[0]
    parts, peaks, lows, transparent = [], [0], [0], False
    for box in _boxes(image):
        values, peak, clear = over_black(deep.values(box), deep)
        transparent |= clear
        peaks.append(peak)
        lows.append(int(values.min()))
        bands = np.moveaxis(values, -1, 0)
        reduced = [np.asarray(_reduced(Image.fromarray(band), image)) for band in bands]
        parts.append(reduced[0] if len(reduced) == 1 else np.stack(reduced, axis=-1))
    low, high = min(lows), max(peaks)
    if low < 0 or high > FULL:
        raise UnsupportedPixelsError(f"pixels from {low} to {high}; only 0 to {FULL} can be read")
    return Decoded(np.concatenate(parts), high, white_is_zero(image), transparent=transparent)


def grey_depth(peaks: Iterable[int]) -> int:
    """Choose the bit depth that explains all the 16-bit images of a sample.

    Scanners store 10 to 14 significant bits in 16-bit files. Scaled from 16 bits, such images
    would be nearly black; scaled one by one, their brightness would no longer compare.
    """
    peak = max(peaks)
    return next(depth for depth in DEPTHS if peak < 2**depth)


def to_eight_bits(values: npt.NDArray[Any], depth: int) -> Pixels:
    """Scale values of a bit depth to 0..255."""
    scaled: Pixels = np.rint(values * (255 / (2**depth - 1))).astype(np.uint8)
    return scaled
