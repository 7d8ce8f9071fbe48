"""Stop what takes too long in a worker process of a Ray cluster."""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

# Seconds after its time that a network is stopped where it lets no thread of Python run.
GRACE = 10.0


class TimeUp(BaseException):
    """A task has used up its time; no code of a network takes it for an error of its own."""


def _raise_time_up(signum: int, frame: FrameType | None) -> None:
    raise TimeUp


@contextmanager
def limited(timeout: float | None) -> Iterator[None]:
    """Raise in this thread, the main one, if it takes longer than it may.

    Args:
        timeout: seconds; None for no limit.

    Raises:
        TimeUp: it does.
    """
    if timeout is None:
        yield
        return
    alarm = hasattr(signal, "setitimer")  # not on Windows
    with Path(os.devnull).open("w") as nowhere:
        # native code that does not return to Python ends with its process, and Ray tries again
        faulthandler.dump_traceback_later(timeout + GRACE, exit=True, file=nowhere)
        if alarm:
            signal.signal(signal.SIGALRM, _raise_time_up)
            signal.setitimer(signal.ITIMER_REAL, timeout)
        try:
            yield
        finally:
            if alarm:
                signal.setitimer(signal.ITIMER_REAL, 0.0)
            faulthandler.cancel_dump_traceback_later()
