"""Score one model in a worker process of a Ray cluster."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from acrank.cache import Key, Store
from acrank.results import ModelResult
from acrank.runners.model import ModelRunner, RunContext
from acrank.runners.ray.limits import TimeUp, limited
from acrank.zoo import ZooEntry

# Seconds for the keeper to answer: it may be restarted in between.
PATIENCE = 60.0

# The runner of the last run that this process has worked for.
_runner: tuple[str, ModelRunner] | None = None


class Keeper:
    """The store of the driver, as an actor on its node.

    Args:
        store: where results are kept.
        folder: the driver's, that a relative path of the store starts from.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        os.chdir(folder)
        self.store = store

    def ready(self) -> bool:
        """Answer once the actor runs."""
        return True

    def get(self, key: Key) -> ModelResult | None:
        """Return a kept result, or None."""
        return self.store.get(key)

    def put(self, key: Key, result: ModelResult, data: str) -> str:
        """Keep a result."""
        return self.store.put(key, result, data)


@dataclass(frozen=True)
class RemoteStore:
    """The store of the driver, as a worker sees it.

    Attributes:
        keeper: handle of the actor.
    """

    keeper: Any

    def get(self, key: Key) -> ModelResult | None:
        """Return a kept result; None also where the store cannot be asked."""
        with suppress(Exception):
            found: ModelResult | None = ask(self.keeper.get, key)
            return found
        return None

    def put(self, key: Key, result: ModelResult, data: str) -> str:
        """Keep a result; returns why it could not be kept, or an empty string."""
        try:
            return str(ask(self.keeper.put, key, result, data))
        except Exception as error:  # Ray's, or a disk's
            return f"the process that keeps results: {type(error).__name__}"


def ask(method: Any, *given: object) -> Any:
    """Call a method of an actor from within a task.

    Not by ``ray.get``: Ray would take it for idleness and start another task on these CPUs.
    """
    return method.remote(*given).future().result(PATIENCE)


def score_entry(
    entry: ZooEntry, context: RunContext, keeper: Any, run: str, threads: int, timeout: float | None
) -> ModelResult:
    """Score an entry: the task of which Ray runs one a model.

    Args:
        entry: the model.
        context: what the run's models have in common; its images are mapped, not copied.
        keeper: handle of the run's :class:`Keeper`.
        run: tells runs apart.
        threads: for CPU arithmetic.
        timeout: seconds after which the model is given up.
    """
    torch.set_num_threads(threads)
    runner = _runner_of(run, context, keeper)
    try:
        with limited(timeout):
            return runner(entry)
    except TimeUp:
        reason = f"given up after {timeout:g} s (--timeout-per-model)."
        return replace(ModelResult.failed(entry.name, reason), seconds=timeout or 0.0)
    except SystemExit as error:
        reason = f"the network's code ended the worker process (exit code {error.code})."
        return ModelResult.failed(entry.name, reason)


def _runner_of(run: str, context: RunContext, keeper: Any) -> ModelRunner:
    """Return the one runner of this process, which keeps the images prepared for its networks."""
    global _runner
    if _runner is None or _runner[0] != run:
        _runner = None  # the images of another run go before those of this one come
        _runner = (run, ModelRunner(context, RemoteStore(keeper)))
    return _runner[1]
