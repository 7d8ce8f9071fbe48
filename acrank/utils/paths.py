"""Paths that a user writes."""

from __future__ import annotations

import errno
from pathlib import Path

from acrank.errors import ConfigError
from acrank.utils.files import expanded
from acrank.utils.visible import brief


def user_path(given: str | Path) -> Path:
    """A path as the user wrote it, :func:`expanded <acrank.utils.files.expanded>`.

    Args:
        given: may name nothing that exists.

    Raises:
        ConfigError: a name in it is longer than the disk takes, or it holds what no path may
            hold. Whoever looks for a file of such a name would fail in ways of its own.
    """
    shown = repr(brief(str(given), 80))
    path = expanded(given)
    try:
        path.stat()
    except ValueError as error:  # a NUL
        raise ConfigError(f"{shown} is not a path: {error}.") from None
    except OSError as error:  # what is merely missing is for the reader to say
        if error.errno == errno.ENAMETOOLONG:
            raise ConfigError(
                f"{shown} cannot be a path: {error.strerror}.",
                hint="Most disks take names of 255 bytes at most.",
            ) from None
    return path
