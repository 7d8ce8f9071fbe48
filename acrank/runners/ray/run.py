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
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from acrank.cache import Store
from acrank.errors import AcrankError
from acrank.results import ModelResult
from acrank.runners.model import Admit, RunContext, admit_all
from acrank.runners.ray.cluster import joined, load_ray, said
from acrank.runners.ray.handout import Handout, task_of
from acrank.runners.ray.needs import Needs, alive
from acrank.runners.ray.worker import Keeper, score_entry
from acrank.zoo import ZooEntry


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
    with joined(config.ray_address, cpus * jobs or None, tell):
        needs = Needs.choose(context, cpus, alive())
        keeper = _start_keeper(store)
        run = _hand_out(context, keeper, needs)
        try:
            yield from run.results(iter(entries), jobs, begin, admit, tell)
        finally:
            run.stop()
            _end(keeper)


def _hand_out(context: RunContext, keeper: Any, needs: Needs) -> Handout[ZooEntry, ModelResult]:
    """Put the sample where workers reach it.

    Args:
        context: what the models have in common.
        keeper: the actor that reads and writes kept results.
        needs: what Ray reserves for each.

    Raises:
        AcrankError: the sample does not fit.
    """
    import ray

    features = context.features and context.features.absolute()
    try:
        place = ray.put(replace(context, features=features))
    except ray.exceptions.RayError as error:
        raise AcrankError(
            f"Ray's object store does not take the sample: {said(error)}.",
            hint="Lower --samples.",
        ) from error
    task, name = task_of(score_entry, needs), uuid.uuid4().hex
    timeout = context.config.timeout_per_model

    def submit(entry: ZooEntry) -> Any:
        return task.remote(entry, place, keeper, name, needs.cpus, timeout)

    return Handout(submit, _failed, needs, keeper.ready.remote())


def _failed(entry: ZooEntry, reason: str, seconds: float) -> ModelResult:
    """Return the row of a lost model; it says no time, most of which may be that of waiting."""
    return ModelResult.failed(entry.name, reason)


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


def _end(keeper: Any) -> None:
    import ray

    with suppress(Exception):  # whatever is wrong with the cluster has been said
        ray.kill(keeper)
