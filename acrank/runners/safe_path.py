"""Worker processes import nothing from the working folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

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
