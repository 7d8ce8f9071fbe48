"""Be a worker process: start safely, work on what comes through a pipe, end with the parent."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from acrank.utils.streams import hold_streams

# What a worker sends first.
READY = "ready"
_SAFE = "PYTHONSAFEPATH"


@contextmanager
def safe_path() -> Iterator[None]:
    """Let processes that are started meanwhile begin with Python's safe path (``-P``).

    multiprocessing starts them as ``python -c``, which puts the working folder before the standard
    library: a ``types.py`` beside somebody's images would run in every worker. What this process
    can import itself, workers still get from it afterwards.
    """
    before = os.environ.get(_SAFE)
    os.environ[_SAFE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE]
        else:
            os.environ[_SAFE] = before


def serve(
    pipe: Connection,
    prepare: Callable[..., Callable[[Any], Any]],
    arguments: tuple[Any, ...],
    left_behind: Path | None,
) -> None:
    """Answer each item that comes through a pipe, until None comes.

    Args:
        pipe: gives items, takes ``READY`` and then an answer for each item.
        prepare: called once, gives what answers an item.
        arguments: of ``prepare``.
        left_behind: see :func:`become_worker`.
    """
    become_worker(left_behind)
    answer = prepare(*arguments)
    pipe.send(READY)
    while (item := pipe.recv()) is not None:
        pipe.send(answer(item))


def become_worker(left_behind: Path | None = None) -> None:
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
