"""Weights are downloaded before a worker process asks for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from acrank.zoo import Hub, ZooEntry
from acrank.zoo.sources.registry import weights_of


@contextmanager
def downloads_ahead(
    entries: Sequence[ZooEntry], hub: Hub, ahead: int
) -> Iterator[Callable[[], None]]:
    """Fill the local cache of the hub in a thread, in the order of the entries.

    A worker that needs a file sooner waits for the same download: the cache has a lock. What
    goes wrong here goes wrong there too, where it becomes a row.

    Args:
        entries: the candidates.
        hub: of the run.
        ahead: how many entries to be ahead of those that are handed out, at most.

    Yields:
        What to call as an entry is handed out.
    """
    wanted = threading.Semaphore(ahead)
    ended = threading.Event()

    def fetch() -> None:
        for entry in entries:
            wanted.acquire()
            if ended.is_set():
                return
            with suppress(Exception):
                weights = weights_of(entry)
                if weights is not None:
                    weights.fetch(hub)

    threading.Thread(target=fetch, name="acrank-fetch", daemon=True).start()
    try:
        yield wanted.release
    finally:
        ended.set()
        wanted.release()
