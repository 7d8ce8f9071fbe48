"""Run independent tasks on a Ray cluster: one Ray task an item."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from acrank.errors import AcrankError
from acrank.runners.attempt import Trouble, attempt
from acrank.runners.ray.cluster import joined, load_ray
from acrank.runners.ray.handout import Handout, task_of
from acrank.runners.ray.limits import TimeUp, limited
from acrank.runners.ray.needs import Needs, alive
from acrank.runners.tasks import Tasks
from acrank.runners.worker_pool import Named
from acrank.utils.device import choose_device

Item = TypeVar("Item", bound=Named)
Result = TypeVar("Result")


@contextmanager
def engaged(
    address: str | None, jobs: int | None, threads: int | None, tell: Callable[[str], None]
) -> Iterator[None]:
    """Be part of a cluster for a while; see :meth:`acrank.runners.tasks.Tasks.engaged`."""
    load_ray(address)
    with joined(address, _cpus(jobs, threads) * (jobs or 0) or None, tell):
        yield


def run_tasks_on_ray(
    tasks: Tasks[Item, Result],
    items: Iterable[Item],
    begin: Callable[[str], None],
    admit: Callable[[Item], bool],
    tell: Callable[[str], None],
) -> Iterator[Result]:
    """Work on items; see :meth:`acrank.runners.tasks.Tasks.run`.

    Raises:
        MissingExtraError: Ray is not installed.
        AcrankError: the cluster cannot be joined, or cannot run a task.
    """
    device = choose_device(tasks.device, elsewhere=True)
    with engaged(tasks.ray_address, tasks.jobs, tasks.threads, tell):
        import ray

        cpus = _cpus(tasks.jobs, tasks.threads)
        needs = Needs.found(device.type == "cuda", tasks.batch_size, cpus, alive())
        with _proof(tasks.folder) as proof:
            errand = ray.put(
                Errand(tasks.work, needs.cpus, tasks.timeout, tasks.option, Path.cwd(), proof)
            )
            up = ray.remote(num_cpus=0)(ready).remote()
            run: Handout[Item, Result | Trouble[Item]] = Handout(
                partial(task_of(do, needs).remote, errand), Trouble, needs, up
            )
            try:
                for outcome in run.results(iter(items), tasks.jobs or 0, begin, admit, tell):
                    yield tasks.result(outcome)
            finally:
                run.stop()


def _cpus(jobs: int | None, threads: int | None) -> int:
    return threads or max(1, torch.get_num_threads() // max(1, jobs or 0))


@contextmanager
def _proof(folder: Path | None) -> Iterator[Path | None]:
    """Leave a file in a folder for a while: nodes that do not see it have another folder there."""
    if folder is None:
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    file = folder.absolute() / f".acrank-{uuid.uuid4().hex}"
    file.touch()
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def ready() -> bool:
    """Answer once a worker process runs and has imported this module."""
    return True


@dataclass(frozen=True)
class Errand(Generic[Item, Result]):
    """What workers must know for every item of a run.

    Attributes:
        work: makes the result of an item.
        threads: for CPU arithmetic.
        timeout: seconds after which an item is given up; None for no limit.
        option: that sets it.
        here: working folder of the driver, which relative paths start from.
        proof: a file that is seen where the folder of the run is the driver's; None for no check.
    """

    work: Callable[[Item], Result]
    threads: int
    timeout: float | None
    option: str
    here: Path
    proof: Path | None

    def enter(self) -> None:
        """Work where the driver does.

        Raises:
            AcrankError: its folders are not on this node.
        """
        if self.proof is not None and not self.proof.is_file():
            raise _not_shared(self.proof.parent)
        try:
            os.chdir(self.here)
        except OSError:
            raise _not_shared(self.here) from None


def _not_shared(folder: Path) -> AcrankError:
    return AcrankError(
        f"The node {socket.gethostname()} has not the folder '{folder}' of the process that was "
        "started.",
        hint="Call the command in a folder, and with an --output, that all nodes of the Ray "
        "cluster share at the same path.",
    )


def do(errand: Errand[Item, Result], item: Item) -> Result | Trouble[Item]:
    """Work on an item: the task of which Ray runs one an item.

    Args:
        errand: what is the same for all items.
        item: the piece of work.
    """

    def work(item: Item) -> Any:
        errand.enter()
        return errand.work(item)

    torch.set_num_threads(errand.threads)
    try:
        with limited(errand.timeout):
            return attempt(work, item)
    except TimeUp:
        limit = errand.timeout or 0.0
        return Trouble(item, f"given up after {limit:g} s ({errand.option}).", limit)
