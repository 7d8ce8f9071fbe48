"""Run many independent tasks: in this process, in worker processes, or on a Ray cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, Literal, TypeVar

from acrank.runners.attempt import Trouble, attempt
from acrank.runners.worker_pool import Named, WorkerPool

# CUDA reads it as a process first uses it.
VISIBLE = "CUDA_VISIBLE_DEVICES"

Item = TypeVar("Item", bound=Named)
Result = TypeVar("Result")


def admit_any(item: object) -> bool:
    """Let every task start: there is no limit."""
    return True


def say_nothing(text: str) -> None:
    """Take a name or a sentence that nobody waits for."""


@dataclass(frozen=True)
class Tasks(Generic[Item, Result]):
    """A way to run tasks that need nothing of one another.

    A task that raises, crashes, runs out of memory or out of time costs its own result only.

    On Ray, this process stays the one that decides; there is one Ray task for each item. The
    working folder of this process, and every path that an item names, must be at the same path on
    every node, on a shared file system. A task whose worker or node is lost is tried again from
    the start, a few times, so that ``work`` should go on from what its item's folder holds.

    Attributes:
        work: makes the result of an item; a function of a module, because other processes import
            it. Items and results are pickled.
        failed: makes the result of an item without one, from the reason in one line and the
            seconds that it took; is called in this process.
        jobs: number of worker processes; None for this process, one item after the other. On Ray,
            the number of tasks at a time; None for as many as the cluster has room for.
        threads: CPU threads of each task; None for an equal share of this machine's.
        engine: ``local`` or ``ray``.
        ray_address: of a running cluster; None starts one on this machine.
        timeout: seconds after which an item is given up; without ``jobs``, one worker process is
            used then.
        option: that sets the timeout, for the message.
        device: that ``work`` uses: ``auto``, ``cpu``, ``cuda`` or ``mps``. With CUDA, each worker
            has a GPU of its own as far as there are enough.
        batch_size: images in memory at a time, from which Ray's reservation of memory follows.
        folder: that the items keep their state in; on Ray, workers on a node where it is not the
            same folder refuse to work. None for no check.
    """

    work: Callable[[Item], Result]
    failed: Callable[[Item, str, float], Result]
    jobs: int | None = None
    threads: int | None = None
    engine: Literal["local", "ray"] = "local"
    ray_address: str | None = None
    timeout: float | None = None
    option: str = "--timeout"
    device: str = "auto"
    batch_size: int = 32
    folder: Path | None = None

    @property
    def here(self) -> bool:
        """True if items run in this process, one after the other."""
        return self.engine == "local" and self.jobs is None and self.timeout is None

    def engaged(self, tell: Callable[[str], None] = say_nothing) -> AbstractContextManager[None]:
        """Return a context in which several runs share one Ray cluster; without Ray, an empty one.

        Args:
            tell: is given a sentence on what is waited for.

        Raises:
            AcrankError: as the context is entered, where Ray is missing or there is no cluster.
        """
        if self.engine == "local":
            return nullcontext()
        from acrank.runners.ray.tasks import engaged

        return engaged(self.ray_address, self.jobs, self.threads, tell)

    def run(
        self,
        items: Iterable[Item],
        *,
        begin: Callable[[str], None] = say_nothing,
        admit: Callable[[Item], bool] = admit_any,
        tell: Callable[[str], None] = say_nothing,
    ) -> Generator[Result]:
        """Work on items. Whoever stops taking results closes the iterator, which ends the workers.

        Args:
            items: are taken as there is room for them, one ahead of that with workers.
            begin: is told the name of each item as it is handed out.
            admit: whether to hand an item out; asked when there is room for it.
            tell: is given a sentence on what is waited for.

        Yields:
            A result for every item that was handed out, as they finish.

        Raises:
            ConfigError: the device is not there.
            AcrankError: a worker process or a cluster cannot be used.
        """
        if self.engine == "ray":
            from acrank.runners.ray.tasks import run_tasks_on_ray

            yield from run_tasks_on_ray(self, items, begin, admit, tell)
        elif self.here:
            yield from self._here(items, begin, admit)
        else:
            yield from self._in_workers(items, begin, admit)

    def result(self, outcome: Result | Trouble[Item]) -> Result:
        """Return the result of an attempt."""
        if isinstance(outcome, Trouble):
            return self.failed(outcome.item, outcome.reason, outcome.seconds)
        return outcome

    def _here(
        self, items: Iterable[Item], begin: Callable[[str], None], admit: Callable[[Item], bool]
    ) -> Iterator[Result]:
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(self.threads or before)
        try:
            for item in filter(admit, items):
                begin(item.name)
                # A network's code may print; stdout is for the result.
                with redirect_stdout(sys.stderr):
                    outcome = attempt(self.work, item)
                yield self.result(outcome)
        finally:
            torch.set_num_threads(before)

    def _in_workers(
        self, items: Iterable[Item], begin: Callable[[str], None], admit: Callable[[Item], bool]
    ) -> Iterator[Result]:
        from acrank.utils.device import choose_device

        gpus = _gpus() if choose_device(self.device).type == "cuda" else [None]
        # a pool starts all its workers at once
        jobs = min(self.jobs or 1, max(1, len(items)) if isinstance(items, Sized) else sys.maxsize)
        threads = self.threads or threads_each(None, self.jobs)
        pool: WorkerPool[Item, Result | Trouble[Item]] = WorkerPool(
            jobs,
            _open,
            lambda place: (self.work, threads, gpus[place % len(gpus)]),
            Trouble,
            begin,
            admit,
            self.timeout,
            self.option,
        )
        for outcome in pool.run(iter(items)):
            yield self.result(outcome)


def threads_each(threads: int | None, jobs: int | None) -> int:
    """Return the CPU threads of each of some tasks that share this machine.

    Args:
        threads: of all together; None for those that this process may use.
        jobs: how many tasks run at a time; None for one.
    """
    from acrank.utils.device import cpu_threads

    return max(1, cpu_threads(threads) // (jobs or 1))


def _gpus() -> Sequence[str | None]:
    """Return the GPUs that workers may have for themselves, as CUDA names them; None for any."""
    import torch

    count = torch.cuda.device_count()
    if count < 2:
        return [None]
    named = os.environ.get(VISIBLE, "").split(",")
    return named[:count] if named[0].strip() else [str(number) for number in range(count)]


def _open(
    work: Callable[[Item], Result], threads: int, gpu: str | None
) -> Callable[[Item], Result | Trouble[Item]]:
    """Begin to work in a worker process.

    Args:
        work: makes the result of an item.
        threads: for CPU arithmetic.
        gpu: the only one that this process is to see; None for those that its parent sees.
    """
    if gpu is not None:  # not torch.cuda.set_device: that is of one thread alone
        os.environ[VISIBLE] = gpu
    import torch

    torch.set_num_threads(threads)
    return partial(attempt, work)
