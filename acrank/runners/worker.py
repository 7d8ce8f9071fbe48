"""What runs in a worker process."""

from __future__ import annotations

from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import joblib
import torch

from acrank.cache import Store
from acrank.runners.crew import READY
from acrank.runners.model import ModelRunner, RunContext
from acrank.runners.settle import settle


def serve(pipe: Connection, path: Path, store: Store, device: torch.device, threads: int) -> None:
    """Score the entries that come through a pipe, until None comes.

    Args:
        pipe: gives entries, takes results.
        path: file of the run's :class:`acrank.runners.model.RunContext`.
        store: where results are kept.
        device: where networks run.
        threads: for CPU arithmetic.
    """
    settle(path.parent)
    torch.set_num_threads(threads)
    context: RunContext = joblib.load(path, mmap_mode="r")
    runner = ModelRunner(replace(context, device=device), store)
    pipe.send(READY)
    while (entry := pipe.recv()) is not None:
        pipe.send(runner(entry))
