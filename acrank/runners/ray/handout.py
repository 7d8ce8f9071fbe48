"""Hand items out to the tasks of a Ray cluster, and wait for what comes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from acrank.errors import AcrankError
from acrank.runners.ray.cluster import RETRIES, cause_of_loss, wait_for_worker
from acrank.runners.ray.needs import Needs, alive
from acrank.runners.worker_pool import Named
from acrank.utils.failures import explain_failure

# Seconds between two looks at whether the cluster can still run what waits.
LOOK = 30.0

Item = TypeVar("Item", bound=Named)
Result = TypeVar("Result")


def task_of(function: Callable[..., Any], needs: Needs) -> Any:
    """Make a Ray task of a function; it is tried again where its worker or node is lost.

    Args:
        function: of a module that workers can import.
        needs: what Ray reserves for each call.
    """
    import ray

    # Ray ends a process that has had a GPU after its task, which gives the GPU's memory back
    return ray.remote(
        num_cpus=needs.cpus, num_gpus=needs.gpus, memory=needs.memory, max_retries=RETRIES
    )(function)


@dataclass
class Handout(Generic[Item, Result]):
    """The items of one run, as its driver sees them.

    Attributes:
        submit: starts the task of an item, and returns what Ray gives for its result.
        failed: makes the result of an item that was lost, from the reason and the seconds since it
            was handed out.
        needs: what Ray reserves for each.
        up: what Ray gives for the first call of a process that imports this package; None once it
            has been waited for.
        pending: the tasks that have not ended, each with its item and when it was handed out.
        stranded: whether no node could run an item when it was last looked.
    """

    submit: Callable[[Item], Any]
    failed: Callable[[Item, str, float], Result]
    needs: Needs
    up: Any
    pending: dict[Any, tuple[Item, float]] = field(default_factory=dict)
    stranded: bool = False

    def results(
        self,
        items: Iterator[Item],
        jobs: int,
        begin: Callable[[str], None],
        admit: Callable[[Item], bool],
        tell: Callable[[str], None],
    ) -> Iterator[Result]:
        """Hand the items out and wait for what comes of them.

        Args:
            items: are taken as there is room for them.
            jobs: how many at a time; 0 for as many as the cluster can run, and one that waits.
            begin: is told the name of each.
            admit: whether to hand an item out.
            tell: is given a sentence on what is waited for.

        Raises:
            AcrankError: the cluster cannot run this package, or has lost this node.
        """
        waiting = next(items, None)
        while waiting or self.pending:
            room = jobs or self.needs.places(alive()) + 1
            while waiting and len(self.pending) < room:
                if admit(waiting):
                    begin(waiting.name)
                    self.pending[self.submit(waiting)] = (waiting, time.monotonic())
                waiting = next(items, None)
            if self.up is not None:  # asked only now: it has started beside the first workers
                wait_for_worker(self.up, tell)
                self.up = None
            if self.pending:
                yield from self._ended()

    def _ended(self) -> Iterator[Result]:
        """Wait for a task to end; after a while, look for those that cannot."""
        import ray

        ready, _ = ray.wait(list(self.pending), num_returns=1, timeout=LOOK)
        for task in ready:
            yield self._result(task, *self.pending.pop(task))
        if ready:
            self.stranded = False
            return
        stranded, self.stranded = self.stranded, not self.needs.fit(alive())
        while stranded and self.stranded and self.pending:  # the node does not come back
            task, (item, given) = self.pending.popitem()
            ray.cancel(task, force=True)
            reason = "no node is left in the Ray cluster that has the CPUs, GPU and memory for it."
            yield self._failed(item, reason, given)

    def _result(self, task: Any, item: Item, given: float) -> Result:
        import ray

        try:
            result: Result = ray.get(task)
        except ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            return self._failed(item, f"in the worker: {explain_failure(cause)}", given)
        except ray.exceptions.LocalRayletDiedError as error:  # soon Ray ends this process, too
            raise AcrankError(
                "This node has left the Ray cluster.",
                hint="The same command resumes with the finished results.",
            ) from error
        except ray.exceptions.RayError as error:
            return self._failed(item, cause_of_loss(error), given)
        return result

    def _failed(self, item: Item, reason: str, given: float) -> Result:
        return self.failed(item, reason, time.monotonic() - given)

    def stop(self) -> None:
        """End what still runs, because the cluster may belong to somebody else."""
        import ray

        with suppress(Exception):  # whatever is wrong with the cluster has been said
            for task in self.pending:
                ray.cancel(task, force=True)
