"""Score models in worker processes: what one of them does to its process costs its row only."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

import joblib
import torch

from acrank.engines.types import GoOn, always
from acrank.engines.worker import READY, serve
from acrank.errors import AcrankError
from acrank.results import ModelResult
from acrank.scorer import Work
from acrank.store import Store
from acrank.zoo import ZooEntry

# Forking a process that runs threads, or has used CUDA, is unsafe.
SPAWN = get_context("spawn")
# Workers end by themselves when told; after so many seconds they are killed.
PATIENCE = 5.0


def run_in_processes(
    entries: Iterable[ZooEntry],
    work: Work,
    store: Store,
    jobs: int,
    begin: Callable[[str], None],
    timeout: float | None = None,
    go_on: GoOn = always,
) -> Iterator[ModelResult]:
    """Score entries, several at a time, each in a worker process.

    The threads of this process are divided between the workers; with several GPUs, each worker has
    one of its own. The sample is decoded once and mapped into the memory of all.

    Args:
        entries: the candidates.
        work: what they have in common.
        store: where results are kept; can be sent to another process.
        jobs: number of workers.
        begin: is told the name of each model as it is handed out.
        timeout: seconds after which a model is given up.
        go_on: whether to hand an entry out; asked when a worker is free for it.

    Yields:
        A result for every entry that was handed out, as they finish.

    Raises:
        AcrankError: a worker process cannot start.
    """
    threads = max(1, torch.get_num_threads() // jobs)
    with tempfile.TemporaryDirectory(prefix="acrank-") as folder:
        path = Path(folder) / "work"
        joblib.dump(work, path)

        def start(place: int) -> _Worker:
            return _Worker.start(path, store, _device(work.device, place), threads, place)

        yield from _run(iter(entries), jobs, start, begin, timeout, go_on)


def _device(device: torch.device, place: int) -> torch.device:
    if device.type != "cuda" or device.index is not None:
        return device
    return torch.device("cuda", place % max(1, torch.cuda.device_count()))


def _run(
    entries: Iterator[ZooEntry],
    jobs: int,
    start: Callable[[int], _Worker],
    begin: Callable[[str], None],
    timeout: float | None,
    go_on: GoOn,
) -> Iterator[ModelResult]:
    crew: list[_Worker] = []
    free = list(range(jobs))
    waiting = next(entries, None)
    try:
        while crew or waiting:
            idle = [worker for worker in crew if worker.ready and worker.entry is None]
            if waiting and idle:
                if go_on(waiting):
                    begin(waiting.name)
                    idle[0].give(waiting, timeout)
                waiting = next(entries, None)
                continue
            if waiting and free:
                crew.append(start(free.pop(0)))
                continue
            if not waiting and idle:
                idle[0].stop()
                crew.remove(idle[0])
                continue
            for worker in _stirred(crew):
                result = worker.listen()
                if not worker.alive:
                    crew.remove(worker)
                    free.append(worker.place)
                if result is not None:
                    yield result
    finally:
        for worker in crew:
            worker.stop(kill=True)


def _stirred(crew: list[_Worker]) -> list[_Worker]:
    """Wait until some workers have sent something, have died, or are out of time."""
    deadlines = [worker.deadline for worker in crew if worker.deadline is not None]
    patience = max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
    # a dead worker's end of the pipe is closed, which makes the pipe ready too
    ready = connection.wait([worker.pipe for worker in crew], patience)
    now = time.monotonic()
    return [
        worker
        for worker in crew
        if worker.pipe in ready or (worker.deadline is not None and worker.deadline <= now)
    ]


@dataclass
class _Worker:
    """One process as its parent sees it."""

    place: int
    process: SpawnProcess
    pipe: Connection
    ready: bool = False
    alive: bool = True
    entry: ZooEntry | None = None
    given: float = 0.0
    timeout: float | None = None

    @classmethod
    def start(
        cls, work: Path, store: Store, device: torch.device, threads: int, place: int
    ) -> _Worker:
        """Start a process; it says when it is ready."""
        ours, theirs = SPAWN.Pipe()
        process = SPAWN.Process(
            target=serve, args=(theirs, work, store, device, threads), name=f"acrank-{place}"
        )
        process.daemon = True
        process.start()
        theirs.close()  # else its death would not close the pipe
        return cls(place, process, ours)

    @property
    def deadline(self) -> float | None:
        """When its model is given up."""
        waiting = self.entry is None or self.timeout is None
        return None if waiting else self.given + (self.timeout or 0)

    def give(self, entry: ZooEntry, timeout: float | None) -> None:
        """Hand out a model."""
        self.entry, self.timeout, self.given = entry, timeout, time.monotonic()
        with suppress(OSError):  # it has died; listening will tell
            self.pipe.send(entry)

    def listen(self) -> ModelResult | None:
        """What it has found, or why it will not find anything.

        Raises:
            AcrankError: it could not start.
        """
        if not self.pipe.poll():
            return self._given_up()
        try:
            message = self.pipe.recv()
        except (EOFError, OSError):
            return self._died()
        if message == READY:
            self.ready = True
            return None
        self.entry = None
        result: ModelResult = message
        return result

    def _given_up(self) -> ModelResult | None:
        entry = self.entry
        self.stop(kill=True)
        if entry is None:
            return None
        reason = f"given up after {self.timeout:g} s (--timeout-per-model)."
        return self._failed(entry, reason)

    def _died(self) -> ModelResult | None:
        self.process.join(PATIENCE)
        code = self.process.exitcode
        entry, self.alive = self.entry, False
        self.pipe.close()
        if not self.ready:
            raise AcrankError(
                f"A worker process ended as it started (exit code {code}).",
                hint="In a Python script, call acrank under: if __name__ == '__main__':",
            )
        return None if entry is None else self._failed(entry, _cause(code))

    def _failed(self, entry: ZooEntry, reason: str) -> ModelResult:
        spent = time.monotonic() - self.given
        return replace(ModelResult.failed(entry.name, reason), seconds=spent)

    def stop(self, *, kill: bool = False) -> None:
        """End the process: at once, or when it has read that nothing is left."""
        self.alive = False
        if kill:
            self.process.kill()
        else:
            with suppress(OSError):
                self.pipe.send(None)
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()


def _cause(code: int | None) -> str:
    """Why a worker process ended, from its exit code."""
    if code is None or code >= 0:
        return f"the network's code ended the worker process (exit code {code})."
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    if name == "SIGKILL":
        return (
            "the worker process was killed (SIGKILL), most likely by the system for want of "
            "memory: lower --batch-size or --jobs."
        )
    return f"native code crashed the worker process ({name})."
