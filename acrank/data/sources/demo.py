"""The bundled dataset: 1797 handwritten digits that come with scikit-learn."""

import numpy as np

from acrank.data.images import BytesSource
from acrank.data.target import Item, Target


def open_demo() -> Target:
    """Read the digits as 8 x 8 greyscale images; nothing is downloaded."""
    from sklearn.datasets import load_digits  # takes a second, and other data do not need it

    digits = load_digits()
    # The grey values run from 0 to 16.
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    items = tuple(
        Item(f"digits:{index}", int(label), BytesSource(f"digits:{index}", _as_pgm(image)))
        for index, (image, label) in enumerate(zip(images, digits.target, strict=True))
    )
    return Target("demo", tuple(str(name) for name in digits.target_names), items)


def _as_pgm(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """Encode as PGM: plain bytes, so the fingerprint does not depend on a compressor's version."""
    height, width = image.shape
    return b"P5 %d %d 255\n" % (width, height) + image.tobytes()
