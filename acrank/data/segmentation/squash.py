"""Bring images and masks to one square size, so that they stay on top of one another.

Both are stretched to the whole square: nothing is cropped or padded. Images are resampled as timm
does it (bicubic, with antialiasing), masks by their nearest pixel, so that no classes mix.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from acrank.data.decode import SHORTEST
from acrank.data.segmentation.maskfile import Codes
from acrank.errors import ConfigError

# What networks halve their input to, five times.
STRIDE = 32


def check_image_size(image_size: int) -> None:
    """Refuse a size that networks cannot halve five times, or that decoding falls short of.

    Raises:
        ConfigError: it is such a size.
    """
    if image_size % STRIDE or not STRIDE <= image_size <= SHORTEST:
        raise ConfigError(
            f"image_size is {image_size}.",
            hint=f"Set image_size to a multiple of {STRIDE} from {STRIDE} to {SHORTEST}.",
        )


def squash_image(values: npt.NDArray[Any], shown: tuple[int, int], size: int) -> npt.NDArray[Any]:
    """Resample a decoded image.

    Decoding may have averaged blocks of pixels, of which the last in a row can be partly outside:
    only what lies inside is stretched, or the image would shrink by that against its mask.

    Args:
        values: uint8 or int32, (H, W) or (H, W, 3), as decoded.
        shown: width and height before any reduction.
        size: of the square.

    Returns:
        The square, of the same type.

    Raises:
        ValueError: the image has not the size that is said.
    """
    height, width = values.shape[:2]
    factor = max(1, round(max(shown) / max(width, height)))
    if (-(-shown[0] // factor), -(-shown[1] // factor)) != (width, height):
        raise ValueError("its size has changed since it was checked")
    box = (0, 0, shown[0] / factor, shown[1] / factor)
    square = _resized(values, size, box)
    if values.dtype == np.uint8:
        return square
    # the filter overshoots at edges, which nothing stops beyond 8 bits
    return square.clip(values.min(), values.max())


def _resized(
    values: npt.NDArray[Any], size: int, box: tuple[float, float, float, float]
) -> npt.NDArray[Any]:
    if values.ndim == 3 and values.dtype != np.uint8:  # Pillow has no such images
        bands = [_resized(values[..., band], size, box) for band in range(values.shape[2])]
        return np.stack(bands, axis=-1)
    square = Image.fromarray(values).resize((size, size), Image.Resampling.BICUBIC, box)
    return np.asarray(square)


def squash_mask(codes: Codes, size: int) -> Codes:
    """Take, for each pixel of the square, the one at its centre."""
    height, width = codes.shape
    centres = (2 * np.arange(size) + 1) / (2 * size)
    rows, columns = (centres * height).astype(np.int64), (centres * width).astype(np.int64)
    return codes[np.ix_(rows, columns)]
