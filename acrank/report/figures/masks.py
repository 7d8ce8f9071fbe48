"""Draw the classes of a mask over an image."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from acrank.report.figures.colours import DARK_GREY, LIGHT_GREY, rgb

# The value in a mask of what counts for nothing; it is hatched.
IGNORED = 255
# Masks are drawn larger and then reduced, which smooths their outlines.
_FINER = 2
# Opacity, of 255.
_FILL, _HATCHED = 96, 176
# Pixels from one pair of hatching lines, a dark one and a light one, to the next; across a line.
_PERIOD, _LINE = 14, 3

Pixels = npt.NDArray[np.uint8]


def painted(
    image: Pixels, mask: Pixels, colours: Mapping[int, str], size: tuple[int, int] | None = None
) -> Pixels:
    """Draw a mask over its image: classes tinted and outlined, ignored pixels hatched.

    Args:
        image: (H, W) or (H, W, 3).
        mask: (H, W), classes; 255 is to be ignored.
        colours: by class, as ``#rrggbb``; classes without one stay as they are.
        size: width and height to bring it to; None for its own.

    Returns:
        (height, width, 3).
    """
    from PIL import Image

    picture = Image.fromarray(image).convert("RGBA")
    size = size or picture.size
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    layer = Image.fromarray(_layer(mask, colours, size))
    picture.alpha_composite(layer.resize(size, Image.Resampling.BOX))
    return np.asarray(picture.convert("RGB"))


def _layer(mask: Pixels, colours: Mapping[int, str], size: tuple[int, int]) -> Pixels:
    """Return tints, outlines and hatching as an enlarged RGBA layer."""
    from PIL import Image, ImageFilter

    width, height = (_FINER * side for side in size)
    labels = Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
    around = 2 * _FINER + 1  # so that an outline is a pixel wide, inside its class
    low, high = (
        np.asarray(labels.filter(extreme(around)))
        for extreme in (ImageFilter.MinFilter, ImageFilter.MaxFilter)
    )
    values = np.asarray(labels)
    paints = np.zeros((IGNORED + 1, 4), dtype=np.uint8)
    for label, colour in colours.items():
        paints[label] = *rgb(colour), _FILL
    layer = paints[values]
    layer[(low != high) & (layer[..., 3] > 0), 3] = 255
    return np.where((values == IGNORED)[..., None], _hatching(width, height), layer)


def _hatching(width: int, height: int) -> Pixels:
    """Return oblique lines in two greys, so that one of them stands out on any image."""
    layer = np.zeros((height, width, 4), dtype=np.uint8)
    line = (np.arange(height)[:, None] + np.arange(width)) % _PERIOD // _LINE
    for place, grey in enumerate((DARK_GREY, LIGHT_GREY)):
        layer[line == place] = *rgb(grey), _HATCHED
    return layer


def jpeg_uri(pixels: Pixels, *, sharp: bool = False) -> str:
    """Encode pixels as a JPEG ``data:`` URI without metadata.

    Args:
        pixels: (H, W, 3).
        sharp: keep colours as fine as brightness; for thin lines in colour.
    """
    from PIL import Image

    stream = io.BytesIO()
    finer = {"subsampling": 0} if sharp else {}
    Image.fromarray(pixels).save(stream, "JPEG", quality=82, optimize=True, **finer)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
