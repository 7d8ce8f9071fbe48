"""How much memory a piece of code takes at its peak."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_most(mebibytes: float) -> Iterator[None]:
    """Fail if Python objects, buffers read from files among them, ever take more than this."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < mebibytes * 2**20, f"{peak / 2**20:.1f} MiB"
