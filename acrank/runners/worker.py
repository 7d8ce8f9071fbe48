"""What runs in a worker process."""

from __future__ import annotations

from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import joblib
import torch

from acrank.cache import Store
from acrank.runners.candidate import Scorer, Work
from acrank.runners.crew import READY
from acrank.runners.settle import settle


def serve(pipe: Connection, path: Path, store: Store, device: torch.device, threads: int) -> None:
    """Score the entries that come through a pipe, until None comes.

    Args:
        pipe: gives entries, takes results.
        path: file of the run's :class:`acrank.runners.candidate.Work`.
        store: where results are kept.
        device: where networks run.
        threads: for CPU arithmetic.
    """
    settle(path.parent)
    torch.set_num_threads(threads)
    work: Work = joblib.load(path, mmap_mode="r")
    scorer = Scorer(replace(work, device=device), store)
    pipe.send(READY)
    while (entry := pipe.recv()) is not None:
        pipe.send(scorer(entry))
