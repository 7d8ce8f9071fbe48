"""Score models in worker processes: what one of them does to its process costs its row only."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import torch

from acrank.cache import Store
from acrank.results import ModelResult
from acrank.runners.crew import Crew
from acrank.runners.model import Admit, RunContext, admit_all
from acrank.runners.worker import serve
from acrank.zoo import ZooEntry


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

        crew = Crew(jobs, serve, arguments, _failed, begin, admit, timeout)
        yield from crew.run(iter(entries))


def _failed(entry: ZooEntry, reason: str, seconds: float) -> ModelResult:
    return replace(ModelResult.failed(entry.name, reason), seconds=seconds)


def _device(device: torch.device, place: int) -> torch.device:
    if device.type != "cuda" or device.index is not None:
        return device
    return torch.device("cuda", place % max(1, torch.cuda.device_count()))
