"""Pixels as a picture that stands in the page itself."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt


def jpeg_uri(pixels: npt.NDArray[np.uint8], *, sharp: bool = False) -> str:
    """A JPEG as a ``data:`` URI: what a file tells beside its pixels (who, when) is not in it.

    Args:
        pixels: (H, W, 3).
        sharp: keep colours as fine as brightness; for thin lines in colour.
    """
    from PIL import Image

    stream = io.BytesIO()
    finer = {"subsampling": 0} if sharp else {}
    Image.fromarray(pixels).save(stream, "JPEG", quality=82, optimize=True, **finer)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
