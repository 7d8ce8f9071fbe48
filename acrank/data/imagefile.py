"""Open image files with Pillow so that nothing damaged passes and no warning leaks."""

import ctypes
import io
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from multiprocessing.pool import ThreadPool
from os import cpu_count
from threading import Lock
from typing import BinaryIO, TypeVar

from PIL import Image, ImageFile, UnidentifiedImageError, _imaging

from acrank.data.bands import refuse_bands, refuse_unread

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
# Pages or frames beyond which a file's are not counted; it can hold millions.
MANY = 1000
# Bytes of a GIF up to which its frames are counted, which takes going through them.
_QUICK = 2**24
_turn = Lock()


def open_image(file: BinaryIO) -> ImageFile.ImageFile:
    """Identify an image from its header; no pixel is decoded yet.

    Raises:
        DecompressionBombError: it has more than ``MOST_PIXELS``.
        UnsupportedPixelsError: Pillow would leave bands or bits of it out.
        Exception: whatever else Pillow raises on a damaged file.
    """
    try:
        image = Image.open(file, formats=FORMATS)
    except (UnidentifiedImageError, KeyError):  # the latter for a compression
        refuse_unread(file)
        raise
    if image.width * image.height > MOST_PIXELS:
        raise Image.DecompressionBombError
    refuse_bands(image, file)
    return image


def count_frames(data: bytes) -> int:
    """Count the pages or frames of a file; ``MANY`` stands for as many or more.

    Where a later one is damaged, those before it count: only the first is used.

    Args:
        data: of a file that :func:`open_image` opens.
    """
    with open_image(io.BytesIO(data)) as image:
        if image.format == "GIF" and len(data) > _QUICK:
            return MANY if getattr(image, "is_animated", False) else 1
        # the end, or damage, for which Pillow's readers raise nearly every type
        with suppress(Exception):
            if image.format != "TIFF":
                return min(MANY, int(getattr(image, "n_frames", 1)))
            while image.tell() < MANY - 1:
                image.seek(image.tell() + 1)
        return image.tell() + 1


def raw_mode(image: Image.Image) -> str:
    """Return Pillow's name for how the file stores pixels; it is gone once they are loaded."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def one_large_at_a_time(image: Image.Image) -> AbstractContextManager[object]:
    """Return the lock that large images are decoded under, or no lock for others."""
    return _turn if image.width * image.height > LARGE else nullcontext()


@contextmanager
def strict_pillow() -> Iterator[None]:
    """Silence warnings of image readers, and have Pillow refuse truncated files in any case.

    These settings belong to the process: enter this once, around the threads, not inside them.
    """
    allowed = ImageFile.LOAD_TRUNCATED_IMAGES
    loggers = [logging.getLogger(name) for name in ("PIL", "pydicom")]  # both log warnings too
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        try:
            with _silent_libtiff():
                yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            ImageFile.LOAD_TRUNCATED_IMAGES = allowed


@contextmanager
def _silent_libtiff() -> Iterator[None]:
    """Keep libtiff from writing to stderr what Pillow raises as an error.

    Pillow has no setting for it. Where the library cannot be reached through Pillow's own, as on
    Windows, its lines come beside the error.
    """
    try:
        set_handler = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (AttributeError, OSError):
        yield
        return
    set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
    handler = set_handler(None)
    try:
        yield
    finally:
        set_handler(handler)


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
    if text.startswith("decoder error"):  # of a library in C
        return f"damaged or cut short ({text})"
    if "MAX_TEXT" in text:
        return "a text or colour block in it unpacks to too much, a decompression bomb"
    return text or type(error).__name__
