"""Score models on a Ray cluster: one task a model, spread over the cluster's nodes.

The sample is put into Ray's object store once and mapped by every worker. Results are kept in the
store of the driver, the process that called: an actor on its node writes them, so that a driver
which dies loses none that was finished. What workers read themselves must be at the same path on
every node, on a shared file system, say: weights and code beside the zoo file, the folder for
features; the hub's cache may be each node's own.

A model whose worker or node is lost is tried again, a few times, then its row says so.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from acrank.cache import Store
from acrank.errors import AcrankError
from acrank.results import ModelResult
from acrank.runners.model import Admit, RunContext, admit_all
from acrank.runners.ray.cluster import (
    RETRIES,
    cause_of_loss,
    joined,
    load_ray,
    said,
    wait_for_worker,
)
from acrank.runners.ray.needs import Needs, alive
from acrank.runners.ray.worker import Keeper, score_entry
from acrank.utils.failures import explain_failure
from acrank.zoo import ZooEntry

# Seconds between two looks at whether the cluster can still run what waits.
LOOK = 30.0


def run_on_ray(
    entries: Sequence[ZooEntry],
    context: RunContext,
    store: Store,
    begin: Callable[[str], None],
    admit: Admit = admit_all,
    tell: Callable[[str], None] = lambda text: None,
) -> Iterator[ModelResult]:
    """Score entries on a Ray cluster: a running one, or one that is started for this run.

    Args:
        entries: the candidates.
        context: what they have in common; its configuration says which cluster.
        store: where results are kept; can be sent to another process of this machine.
        begin: is told the name of each model as it is handed out.
        admit: whether to hand an entry out.
        tell: is given a sentence on what is waited for.

    Yields:
        A result for every entry that was handed out, as they finish.

    Raises:
        MissingExtraError: Ray is not installed.
        AcrankError: the cluster cannot be joined, or cannot run a model.
    """
    config = context.config
    load_ray(config.ray_address)
    jobs = min(config.jobs or 0, len(entries))
    cpus = config.threads or max(1, torch.get_num_threads() // max(1, jobs))
    where = f"joining the Ray cluster at {config.ray_address}" if config.ray_address else ""
    tell(where or "starting a Ray cluster on this machine")
    with joined(config.ray_address, cpus * jobs or None):
        run = _Run.start(context, store, Needs.choose(context, cpus, alive()))
        try:
            yield from run.results(iter(entries), jobs, begin, admit, tell)
        finally:
            run.stop()


@dataclass
class _Run:
    """One run, as its driver sees it.

    Attributes:
        context: what its models have in common.
        place: of that in the object store.
        keeper: the actor that reads and writes kept results.
        task: scores a model.
        needs: what Ray reserves for each.
        name: tells it from other runs.
        pending: the tasks that have not ended, with their models.
        stranded: whether no node could run a model when it was last looked.
    """

    context: RunContext
    place: Any
    keeper: Any
    task: Any
    needs: Needs
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    pending: dict[Any, ZooEntry] = field(default_factory=dict)
    stranded: bool = False

    @classmethod
    def start(cls, context: RunContext, store: Store, needs: Needs) -> _Run:
        """Put the sample and the store where workers reach them.

        Raises:
            AcrankError: the sample does not fit.
        """
        import ray

        keeper = _start_keeper(store)
        # Ray ends a process that has had a GPU after its task, which gives the GPU's memory back
        task = ray.remote(
            num_cpus=needs.cpus, num_gpus=needs.gpus, memory=needs.memory, max_retries=RETRIES
        )(score_entry)
        features = context.features and context.features.absolute()
        try:
            place = ray.put(replace(context, features=features))
        except ray.exceptions.RayError as error:
            raise AcrankError(
                f"Ray's object store does not take the sample: {said(error)}.",
                hint="Lower --samples.",
            ) from error
        return cls(context, place, keeper, task, needs)

    def results(
        self,
        entries: Iterator[ZooEntry],
        jobs: int,
        begin: Callable[[str], None],
        admit: Admit,
        tell: Callable[[str], None],
    ) -> Iterator[ModelResult]:
        """Hand the entries out and wait for what comes of them.

        Args:
            entries: are taken as there is room for them.
            jobs: how many at a time; 0 for as many as the cluster can run, and one that waits.
            begin: is told of each.
            admit: whether to hand an entry out.
            tell: is given a sentence on what is waited for.

        Raises:
            AcrankError: the cluster cannot run this package, or has lost this node.
        """
        up = self.keeper.ready.remote()
        waiting = next(entries, None)
        while waiting or self.pending:
            room = jobs or self.needs.places(alive()) + 1
            while waiting and len(self.pending) < room:
                if admit(waiting):
                    begin(waiting.name)
                    self.pending[self._hand_out(waiting)] = waiting
                waiting = next(entries, None)
            if up is not None:  # asked only now: it has started beside the first workers
                wait_for_worker(up, tell)
                up = None
            if self.pending:
                yield from self._ended()

    def _hand_out(self, entry: ZooEntry) -> Any:
        timeout = self.context.config.timeout_per_model
        return self.task.remote(entry, self.place, self.keeper, self.name, self.needs.cpus, timeout)

    def _ended(self) -> Iterator[ModelResult]:
        """Wait for a task to end; after a while, look for those that cannot."""
        import ray

        ready, _ = ray.wait(list(self.pending), num_returns=1, timeout=LOOK)
        for task in ready:
            yield self._result(task, self.pending.pop(task))
        if ready:
            self.stranded = False
            return
        stranded, self.stranded = self.stranded, not self.needs.fit(alive())
        while stranded and self.stranded and self.pending:  # the node does not come back
            task, entry = self.pending.popitem()
            ray.cancel(task, force=True)
            reason = "no node is left in the Ray cluster that has the CPUs, GPU and memory for it."
            yield ModelResult.failed(entry.name, reason)

    def _result(self, task: Any, entry: ZooEntry) -> ModelResult:
        import ray

        try:
            result: ModelResult = ray.get(task)
        except ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            return ModelResult.failed(entry.name, f"in the worker: {explain_failure(cause)}")
        except ray.exceptions.LocalRayletDiedError as error:  # soon Ray ends this process, too
            raise AcrankError(
                "This node has left the Ray cluster.",
                hint="The same command resumes with the finished results.",
            ) from error
        except ray.exceptions.RayError as error:
            return ModelResult.failed(entry.name, cause_of_loss(error))
        return result

    def stop(self) -> None:
        """End what still runs, because the cluster may belong to somebody else."""
        import ray

        with suppress(Exception):  # whatever is wrong with the cluster has been said
            for task in self.pending:
                ray.cancel(task, force=True)
            ray.kill(self.keeper)


def _start_keeper(store: Store) -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = ray.get_runtime_context().get_node_id()
    actor = ray.remote(Keeper).options(
        num_cpus=0,
        max_restarts=3,
        max_task_retries=3,
        scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=here, soft=False),
    )
    return actor.remote(store, Path.cwd())
