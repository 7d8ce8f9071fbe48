"""One process at a time in a folder of results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from acrank.errors import ConfigError
from acrank.utils.files import make_folder, unusable_folder
from acrank.utils.paths import user_path

LOCK = ".acrank.lock"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make a folder for results, and keep other processes from working in it meanwhile.

    What a killed process leaves of its lock locks nobody out. A folder that was made for nothing
    is removed.

    Args:
        folder: is made, with those above it.

    Raises:
        ConfigError: it cannot be made or written to, or another process is at work in it.
    """
    user_path(folder.absolute())
    lock = FileLock(folder / LOCK, timeout=0)
    new = not folder.exists()
    make_folder(folder)
    try:
        lock.acquire()
    except Timeout:
        raise ConfigError(
            f"Another process is working in '{folder}'.",
            hint="Wait until it is finished, or give another --output.",
        ) from None
    except OSError as error:
        raise unusable_folder(folder, error) from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes it on release, and not before
            (folder / LOCK).unlink()  # while it is ours: afterwards it may be another's
        lock.release()
        if new:
            with suppress(OSError):  # it holds something
                folder.rmdir()
