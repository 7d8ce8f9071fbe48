"""Whose fault an error is that nobody foresaw: the system's, the installation's, or acrank's."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from types import FrameType, TracebackType

from acrank.errors import AcrankError
from acrank.utils.visible import brief, typed_line

# Full or failing disks and what else the system refuses without naming a file.
_SYSTEM = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE)


def blamed(error: Exception) -> AcrankError | None:
    """Describe an error that is no bug of acrank for the user; None if it may be a bug.

    Args:
        error: that has come through a whole command.
    """
    package = _not_importable(error)
    if package:
        return AcrankError(
            f"The package {package} cannot be imported: {brief(typed_line(error), 400)}.",
            hint=f"Its installation is incomplete or broken: pip install --force-reinstall "
            f"{package.replace('_', '-')}",
        )
    if isinstance(error, OSError) and (error.filename is not None or error.errno in _SYSTEM):
        what = f"'{brief(_text(error.filename))}'" if error.filename is not None else "A file"
        reason = error.strerror or str(error)
        return AcrankError(f"{what} cannot be used: {reason}.")
    return None


def _not_importable(error: Exception) -> str:
    """The package whose import failed, the innermost; empty for none."""
    ours = {*sys.stdlib_module_names, "acrank", "__main__", "__mp_main__", ""}
    imported = [
        package
        for frame in _frames(error.__traceback__)
        if frame.f_code.co_name == "<module>"
        and (package := str(frame.f_globals.get("__name__", "")).partition(".")[0]) not in ours
    ]
    missing = str(getattr(error, "name", None) or "") if isinstance(error, ImportError) else ""
    return imported[-1] if imported else missing.partition(".")[0]


def _frames(trace: TracebackType | None) -> Iterator[FrameType]:
    """List the frames from where the error was caught to where it was raised."""
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _text(path: object) -> str:
    return path.decode("utf-8", "replace") if isinstance(path, bytes) else str(path)
