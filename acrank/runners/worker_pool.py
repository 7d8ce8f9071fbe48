"""Run tasks in worker processes: a task that kills its process costs only its own result.

No pool of others does what is needed: pebble waits for ever for a worker that ends with exit code 0
(``os._exit(0)``), and the standard library's executor does not say how a worker ended. So each
worker has a pipe of its own, which closes when its process ends, whatever ends it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from acrank.errors import AcrankError
from acrank.runners.worker import READY, safe_path, serve

# Forking a process that runs threads, or has used CUDA, is unsafe.
SPAWN = get_context("spawn")
# Workers end by themselves when told; after so many seconds they are killed.
PATIENCE = 5.0


class Named(Protocol):
    """An item of work that has a name."""

    @property
    def name(self) -> str:
        """The name in messages."""
        ...


Item = TypeVar("Item", bound=Named)
Result = TypeVar("Result")


@dataclass(frozen=True)
class WorkerPool(Generic[Item, Result]):
    """A pool of worker processes, each with a pipe of its own.

    Attributes:
        jobs: number of worker processes.
        prepare: called once in each of them, gives what works on an item there.
        arguments: of ``prepare``, by the place of the worker, from 0 on.
        failed: the result of an item whose worker ended, from the reason and the seconds it took.
        begin: is told the name of each item as it is handed out.
        admit: whether to hand an item out; asked when a worker is free for it.
        timeout: seconds after which an item is given up.
        option: that sets the timeout, for the message.
        left_behind: a folder that workers remove if this process is killed.
    """

    jobs: int
    prepare: Callable[..., Callable[[Item], Result]]
    arguments: Callable[[int], tuple[Any, ...]]
    failed: Callable[[Item, str, float], Result]
    begin: Callable[[str], None]
    admit: Callable[[Item], bool]
    timeout: float | None = None
    option: str = "--timeout-per-model"
    left_behind: Path | None = None

    def run(self, items: Iterator[Item]) -> Iterator[Result]:
        """Work on items.

        Yields:
            A result for every item that was handed out, as they finish.

        Raises:
            AcrankError: a worker process cannot start.
        """
        workers: list[_Worker[Item, Result]] = []
        free = list(range(self.jobs))
        waiting = next(items, None)
        try:
            while workers or waiting:
                idle = [worker for worker in workers if worker.ready and worker.item is None]
                if waiting and idle:
                    if self.admit(waiting):
                        self.begin(waiting.name)
                        idle[0].give(waiting, self.timeout)
                    waiting = next(items, None)
                    continue
                if waiting and free:
                    workers.append(_Worker.start(self, free.pop(0)))
                    continue
                if not waiting and idle:
                    idle[0].stop()
                    workers.remove(idle[0])
                    continue
                for worker in _ready_or_late(workers):
                    result = worker.listen()
                    if not worker.alive:
                        workers.remove(worker)
                        free.append(worker.place)
                    if result is not None:
                        yield result
        finally:
            for worker in workers:
                worker.stop(kill=True)


def _ready_or_late(
    workers: list[_Worker[Item, Result]],
) -> list[_Worker[Item, Result]]:
    """Wait until some workers have sent something, have died, or are out of time."""
    deadlines = [worker.deadline for worker in workers if worker.deadline is not None]
    patience = max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
    # a dead worker's end of the pipe is closed, which makes the pipe ready too
    ready = connection.wait([worker.pipe for worker in workers], patience)
    now = time.monotonic()
    return [
        worker
        for worker in workers
        if worker.pipe in ready or (worker.deadline is not None and worker.deadline <= now)
    ]


@dataclass
class _Worker(Generic[Item, Result]):
    """One worker process, as its parent sees it."""

    pool: WorkerPool[Item, Result]
    place: int
    process: SpawnProcess
    pipe: Connection
    ready: bool = False
    alive: bool = True
    item: Item | None = None
    given: float = 0.0
    timeout: float | None = None

    @classmethod
    def start(cls, pool: WorkerPool[Item, Result], place: int) -> _Worker[Item, Result]:
        """Start a process; it says when it is ready."""
        ours, theirs = SPAWN.Pipe()
        arguments = (theirs, pool.prepare, pool.arguments(place), pool.left_behind)
        process = SPAWN.Process(target=serve, args=arguments, name=f"acrank-{place}")
        process.daemon = True
        with safe_path():
            process.start()
        theirs.close()  # else its death would not close the pipe
        return cls(pool, place, process, ours)

    @property
    def deadline(self) -> float | None:
        """Return when its item is given up; None for never."""
        waiting = self.item is None or self.timeout is None
        return None if waiting else self.given + (self.timeout or 0)

    def give(self, item: Item, timeout: float | None) -> None:
        """Hand out an item."""
        self.item, self.timeout, self.given = item, timeout, time.monotonic()
        with suppress(OSError):  # it has died; listening will tell
            self.pipe.send(item)

    def listen(self) -> Result | None:
        """Return what it has found, or the result of an item that it will not finish.

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
        self.item = None
        result: Result = message
        return result

    def _given_up(self) -> Result | None:
        item = self.item
        self.stop(kill=True)
        if item is None:
            return None
        reason = f"given up after {self.timeout:g} s ({self.pool.option})."
        return self._failed(item, reason)

    def _died(self) -> Result | None:
        self.process.join(PATIENCE)
        code = self.process.exitcode
        item, self.alive = self.item, False
        self.pipe.close()
        if not self.ready:
            raise AcrankError(
                f"A worker process ended as it started (exit code {code}).",
                hint="In a Python script, call acrank under: if __name__ == '__main__':",
            )
        return None if item is None else self._failed(item, _cause(code))

    def _failed(self, item: Item, reason: str) -> Result:
        return self.pool.failed(item, reason, time.monotonic() - self.given)

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
    """Say why a worker process ended, from its exit code."""
    if code is None or code >= 0:
        return f"the network's code ended the worker process (exit code {code})."
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    if name == "SIGKILL":
        return (
            "the worker process was killed (SIGKILL), most likely by the system for lack of "
            "memory: lower --batch-size or --jobs."
        )
    return f"native code crashed the worker process ({name})."
