"""Opening image files with Pillow so that nothing damaged passes and no warning leaks."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from multiprocessing.pool import ThreadPool
from os import cpu_count
from threading import Lock
from typing import BinaryIO, TypeVar

from PIL import Image, ImageFile, UnidentifiedImageError

In = TypeVar("In")
Out = TypeVar("Out")

EXTENSIONS = (
    *(".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".jfif", ".jpe", ".dib"),
    *(".webp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm"),
    *(".jp2", ".j2k", ".jpx", ".jpf", ".jpc", ".j2c"),
)

# Named, so that a file which merely carries an image's name cannot start one of Pillow's other
# readers: its EPS reader runs an external program.
FORMATS = ("JPEG", "PNG", "BMP", "DIB", "TIFF", "WEBP", "GIF", "PPM", "JPEG2000")


# A tiny file can hold so many equal pixels. Pillow's own limit is the same, but it belongs to the
# process, and other code lifts it.
MOST_PIXELS = 178_956_970
# Decoded, 0.2 GB; larger ones wait for one another, so that threads do not multiply their memory.
LARGE = 50_000_000
_turn = Lock()


def open_image(file: BinaryIO) -> Image.Image:
    """Identify an image from its header; no pixel is decoded yet.

    Raises:
        DecompressionBombError: it has more than ``MOST_PIXELS``.
        Exception: whatever else Pillow raises on a damaged file.
    """
    image = Image.open(file, formats=FORMATS)
    if image.width * image.height > MOST_PIXELS:
        raise Image.DecompressionBombError
    return image


def one_large_at_a_time(image: Image.Image) -> AbstractContextManager[object]:
    """What to decode an image under: a lock that large ones share, and nothing for others."""
    return _turn if image.width * image.height > LARGE else nullcontext()


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
        most = min(MOST_PIXELS, 2 * (Image.MAX_IMAGE_PIXELS or MOST_PIXELS))
        return f"too large: over {most} pixels, a decompression bomb"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split())
    if "MAX_TEXT" in text:
        return "a text or colour block in it unpacks to too much, a decompression bomb"
    return text or type(error).__name__
