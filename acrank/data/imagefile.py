"""Opening image files with Pillow so that nothing damaged passes and no warning leaks."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from os import cpu_count
from typing import BinaryIO, TypeVar

from PIL import Image, ImageFile, UnidentifiedImageError

In = TypeVar("In")
Out = TypeVar("Out")

EXTENSIONS = (
    *(".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"),
    *(".webp", ".gif", ".ppm", ".pgm"),
)

# Named, so that a file which merely carries an image's name cannot start one of Pillow's other
# readers: its EPS reader runs an external program.
FORMATS = ("JPEG", "PNG", "BMP", "DIB", "TIFF", "WEBP", "GIF", "PPM", "JPEG2000")


def open_image(file: BinaryIO) -> Image.Image:
    """Identify an image from its header; no pixel is decoded yet."""
    return Image.open(file, formats=FORMATS)


@contextmanager
def strict_pillow() -> Iterator[None]:
    """Silence Pillow's warnings and have it refuse truncated files, whatever was set elsewhere.

    Both settings belong to the process: enter this once, around the threads, not inside them.
    """
    allowed = ImageFile.LOAD_TRUNCATED_IMAGES
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = allowed


def in_threads(work: Callable[[In], Out], inputs: Iterable[In], *, chunksize: int = 4) -> list[Out]:
    """Apply ``work`` to every input in a small thread pool, keeping the order.

    Threads are enough: reading and Pillow's decoders and filters release the interpreter lock.
    """
    with ThreadPool(min(8, cpu_count() or 1)) as pool:
        return list(pool.imap(work, inputs, chunksize))


def explain(error: Exception) -> str:
    """Say in a few words why Pillow could not read an image."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image in a known format"
    if isinstance(error, Image.DecompressionBombError):
        return f"too large: over {2 * (Image.MAX_IMAGE_PIXELS or 0)} pixels, a decompression bomb"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    return text or type(error).__name__
