"""Small folders in the layouts that people have."""

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from tests.data.builders import encoded, noise
from tests.data.segmentation.builders import SIZE, blocks

FORMATS = {".jpg": "JPEG", ".png": "PNG", ".gif": "GIF", ".tif": "TIFF", ".bmp": "BMP"}
NAMES = ("n1", "n2", "n10", "n11")


def photograph(path: Path, number: int = 0) -> Path:
    """Write an image that is no mask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(noise(number, SIZE), FORMATS[path.suffix]))
    return path


def mask(path: Path, values: Iterable[int] = (0, 255)) -> Path:
    """Write a mask of stripes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(blocks([*values]))
    path.write_bytes(encoded(image, FORMATS[path.suffix]))
    return path


def lay_out(root: Path, image: str, masks: Iterable[str], names: Iterable[str] = NAMES) -> Path:
    """Write an image and masks for each name.

    Args:
        root: folder for all.
        image: path of an image, with ``NAME`` in it.
        masks: paths of its masks.
        names: of the images.
    """
    for number, name in enumerate(names):
        photograph(root / image.replace("NAME", name), number)
        for path in masks:
            mask(root / path.replace("NAME", name))
    return root
