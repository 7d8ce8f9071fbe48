"""The standard streams of a command: what becomes of a reader changes nothing but what it reads.

A verdict must not depend on whether anybody reads it. So a stream that is closed is replaced by
one that leads nowhere, and one that breaks takes what is written and drops it.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# The reader has gone, on purpose; anything else, such as a full disk, has lost the result.
_GONE = (errno.EPIPE, errno.EBADF, errno.ESHUTDOWN)


class _Enduring(io.FileIO):
    """A file that is written to until it breaks, and then takes what comes without writing it."""

    lost: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, or drop what cannot be written and remember why."""
        while self.lost is None:
            try:
                count = super().write(data)
            except OSError as error:
                self.lost = error
                break
            if count is not None:
                return count
            select.select([], [self.fileno()], [])  # a pipe that does not block, and is full
        return memoryview(data).nbytes


def hold_streams() -> None:
    """Let nothing that is printed from here on fail, whatever stdout and stderr are."""
    _fill_closed()
    sys.stdout = _enduring(sys.stdout, line_buffering=False)
    sys.stderr = _enduring(sys.stderr, line_buffering=True)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a result is not lost for a letter in it
        sys.stdout.reconfigure(errors="backslashreplace")


def lost_output() -> str:
    """Why stdout could not be written, in words; empty if it was, or its reader left.

    Says it once: who asks has told the user.
    """
    with suppress(OSError, ValueError):  # of a stream that is not ours
        sys.stdout.flush()
    raw = _raw(sys.stdout)
    if not isinstance(raw, _Enduring) or raw.lost is None or raw.lost.errno in _GONE:
        return ""
    reason = raw.lost.strerror or str(raw.lost)
    raw.lost = BrokenPipeError(errno.EPIPE, reason)
    return reason


def _fill_closed() -> None:
    """Open what leads nowhere for each closed descriptor: else a result file would take its place.

    What is then written to descriptor 1 by a library would end in that file.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # takes the lowest free one: this
            os.set_inheritable(opened, True)


def _enduring(stream: IO[str] | None, *, line_buffering: bool) -> IO[str]:
    """The same stream, made to endure; one that is no file of the system's stays as it is."""
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if type(stream) is not io.TextIOWrapper or type(_raw(stream)) is not io.FileIO:
        return stream
    with suppress(OSError):
        stream.flush()
    buffer = io.BufferedWriter(_Enduring(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(
        buffer,
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=line_buffering or stream.line_buffering or stream.write_through,
    )


def _raw(stream: IO[str] | None) -> object:
    """Return the raw file that a stream writes its bytes to in the end."""
    buffer = getattr(stream, "buffer", None)
    return getattr(buffer, "raw", buffer)
