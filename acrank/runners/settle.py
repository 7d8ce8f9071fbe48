"""How a process becomes a worker."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from multiprocessing import connection, parent_process
from pathlib import Path

from acrank.utils.streams import hold_streams


def settle(left_behind: Path | None = None) -> None:
    """Leave interrupts and stdout to the parent, and end when it does, in the midst of an item.

    Args:
        left_behind: a folder to remove then: a parent that is killed cannot tidy up after itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    hold_streams()  # what a network's code prints must not fail where nobody reads it
    os.dup2(2, 1)  # and it goes to stderr: stdout is for the result
    threading.Thread(target=_end_with_parent, args=(left_behind,), daemon=True).start()


def _end_with_parent(left_behind: Path | None) -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        if left_behind is not None:
            shutil.rmtree(left_behind, ignore_errors=True)
        os._exit(1)
