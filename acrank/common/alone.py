"""One process at a time in a folder of results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from acrank.errors import ConfigError

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
    lock = FileLock(folder / LOCK, timeout=0)
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise ConfigError(
            f"Another process is at work in '{folder}'.",
            hint="Wait until it is done, or give another --output.",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"Folder '{folder}' cannot be used: {error.strerror}.", hint="Give another --output."
        ) from None
    try:
        yield
    finally:
        lock.release()
        (folder / LOCK).unlink(missing_ok=True)
        if new:
            with suppress(OSError):  # it holds something
                folder.rmdir()
