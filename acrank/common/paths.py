"""Paths that a user writes."""

from __future__ import annotations

import errno
from pathlib import Path

from acrank.common.visible import brief
from acrank.errors import ConfigError


def user_path(given: str | Path) -> Path:
    """A path as the user wrote it, ``~`` and ``~name`` replaced by home folders.

    Args:
        given: may name nothing that exists.

    Raises:
        ConfigError: no home folder is known, a name in it is longer than the disk takes, or it
            holds what no path may hold.
    """
    shown = repr(brief(str(given), 80))
    try:
        path = Path(given).expanduser()
    except RuntimeError:
        user = Path(given).parts[0]
        raise ConfigError(
            f"{shown}: no home folder is known for '{brief(user, 80)}'.",
            hint="Write the whole path, from / on.",
        ) from None
    try:
        path.stat()
    except ValueError as error:  # a NUL
        raise ConfigError(f"{shown} is no path: {error}.") from None
    except OSError as error:  # what is merely missing is for the reader to say
        if error.errno == errno.ENAMETOOLONG:
            raise ConfigError(
                f"{shown} cannot be a path: {error.strerror}.",
                hint="Most disks take names of 255 bytes at most.",
            ) from None
    return path
