"""Tell whether files look like masks: decode a few of them and see whether they are flat.

Names alone do not tell: images of two classes may be called ``original/7.png`` and
``labelled/7.png``. A mask is made of areas of one value; a photograph, or a scan, is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from acrank.data.imagefile import one_large_at_a_time, open_image, strict_pillow
from acrank.data.images import PathSource

# Files that are opened, spread over all: decoding more would slow every start down.
_LOOKED_AT = 6
# Pixels a side, from the middle: enough to tell.
_SIDE = 1024
# As many values as masks without classes.yaml may have, each of them of so many pixels.
_VALUES = 64
_REPEATED = 8
# Pixels that are like their neighbour to the right, in a mask of more values.
_FLAT = 0.85
# Pixels near black or white, in a mask that was compressed or resized.
_ENDS = 0.9
_NEAR = 12


def look_like_masks(files: Sequence[Path]) -> bool:
    """Tell whether most of a few files are masks; those that cannot be read do not count.

    Args:
        files: all of them.
    """
    chosen = files[:: max(1, -(-len(files) // _LOOKED_AT))]
    with strict_pillow():
        told = [flat for path in chosen if (flat := _is_flat(path)) is not None]
    return 2 * sum(told) > len(told)


def _is_flat(path: Path) -> bool | None:
    try:
        with (
            PathSource(path).open() as file,
            open_image(file) as image,
            one_large_at_a_time(image),
        ):
            return _flat_values(_middle(image))
    except MemoryError:
        raise
    except Exception:  # Pillow's readers raise nearly every type; the check of all files names it
        return None


def _middle(image: Image.Image) -> npt.NDArray[np.int64]:
    """The value, or the colour as one number, of each pixel in the middle of an image."""
    left, top = (max(0, (side - _SIDE) // 2) for side in image.size)
    box = (left, top, min(image.width, left + _SIDE), min(image.height, top + _SIDE))
    if image.mode not in ("1", "L", "P") and not image.mode.startswith("I"):
        image = image.convert("RGB")
    values = np.asarray(image.crop(box)).astype(np.int64)
    if values.ndim == 2:
        return values
    if (values == values[..., :1]).all():
        return values[..., 0]
    return (values[..., 0] << 16) | (values[..., 1] << 8) | values[..., 2]


def _flat_values(values: npt.NDArray[np.int64]) -> bool:
    distinct = len(np.unique(values))
    if distinct <= _VALUES and distinct * _REPEATED <= values.size:
        return True
    near = (np.abs(values) <= _NEAR).mean(), (np.abs(values - 255) <= _NEAR).mean()
    if min(near) > 0 and sum(near) >= _ENDS:
        return True
    return bool((values[:, 1:] == values[:, :-1]).mean() >= _FLAT)
