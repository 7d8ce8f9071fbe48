"""Score models in worker processes: a model that kills its process costs only its own row."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import torch

from acrank.cache import Store
from acrank.results import ModelResult
from acrank.runners.model import Admit, ModelRunner, RunContext, admit_all
from acrank.runners.worker_pool import WorkerPool
from acrank.zoo import Hub, ZooEntry
from acrank.zoo.sources.registry import weights_of


def run_in_processes(
    entries: Iterable[ZooEntry],
    context: RunContext,
    store: Store,
    jobs: int,
    begin: Callable[[str], None],
    timeout: float | None = None,
    admit: Admit = admit_all,
) -> Iterator[ModelResult]:
    """Score entries, several at a time, each in a worker process.

    The threads of this process are divided between the workers; with several GPUs, each worker has
    one of its own. The sample is decoded once and mapped into the memory of all.

    Args:
        entries: the candidates.
        context: what they have in common.
        store: where results are kept; can be sent to another process.
        jobs: number of workers.
        begin: is told the name of each model as it is handed out.
        timeout: seconds after which a model is given up.
        admit: whether to hand an entry out; asked when a worker is free for it.

    Yields:
        A result for every entry that was handed out, as they finish.

    Raises:
        AcrankError: a worker process cannot start.
    """
    threads = max(1, torch.get_num_threads() // jobs)
    with tempfile.TemporaryDirectory(prefix="acrank-") as folder:
        path = Path(folder) / "work"
        joblib.dump(context, path)

        def arguments(place: int) -> tuple[Any, ...]:
            return path, store, _device(context.device, place), threads

        pool = WorkerPool(
            jobs,
            _open_runner,
            arguments,
            _failed,
            begin,
            admit,
            timeout,
            left_behind=path.parent,
        )
        yield from pool.run(iter(entries))


def _open_runner(path: Path, store: Store, device: torch.device, threads: int) -> ModelRunner:
    """Begin to work in a worker process.

    Args:
        path: file of the run's :class:`acrank.runners.model.RunContext`.
        store: where results are kept.
        device: where networks run.
        threads: for CPU arithmetic.
    """
    torch.set_num_threads(threads)
    context: RunContext = joblib.load(path, mmap_mode="r")
    return ModelRunner(replace(context, device=device), store)


def _failed(entry: ZooEntry, reason: str, seconds: float) -> ModelResult:
    return replace(ModelResult.failed(entry.name, reason), seconds=seconds)


def _device(device: torch.device, place: int) -> torch.device:
    if device.type != "cuda" or device.index is not None:
        return device
    return torch.device("cuda", place % max(1, torch.cuda.device_count()))


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
