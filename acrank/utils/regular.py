"""Opening files that somebody else may have put there: regular ones only, of bounded size."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path, most: int) -> BinaryIO:
    """Open a file for reading; a pipe would be waited for, a device read for ever.

    Args:
        path: of a file.
        most: bytes that it may have.

    Raises:
        OSError: it cannot be opened, is no regular file, or is larger; says which in words.
    """
    try:
        found = path.stat()
    except ValueError as error:  # a NUL in the path
        raise OSError(errno.EINVAL, "no name that a file can have", str(path)) from error
    if not (
        stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    ):  # open() says it of folders
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if stat.S_ISREG(found.st_mode) and found.st_size > most:
        raise OSError(errno.EFBIG, f"larger than {most // 10**6:,} MB", str(path))
    return path.open("rb")


def read_regular(path: Path, most: int) -> bytes:
    """The content of such a file; at most so much of it if it grows meanwhile.

    Raises:
        OSError: as :func:`open_regular`.
    """
    with open_regular(path, most) as file:
        return file.read(most)


def is_regular(path: str | os.PathLike[str]) -> bool:
    """Return whether a path leads to a regular file, and not to a folder, a pipe or a device."""
    try:
        return stat.S_ISREG(Path(path).stat().st_mode)
    except (OSError, ValueError):  # also a name too long for the disk, or with a NUL
        return False
