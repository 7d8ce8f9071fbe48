"""What runs in a worker process."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from dataclasses import replace
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection
from pathlib import Path

import joblib
import torch

from acrank.engines.crew import READY
from acrank.scorer import Scorer, Work
from acrank.store import Store


def serve(pipe: Connection, path: Path, store: Store, device: torch.device, threads: int) -> None:
    """Score the entries that come through a pipe, until None comes.

    Args:
        pipe: gives entries, takes results.
        path: file of the run's :class:`acrank.scorer.Work`.
        store: where results are kept.
        device: where networks run.
        threads: for CPU arithmetic.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    threading.Thread(target=_end_with_parent, args=(path.parent,), daemon=True).start()
    os.dup2(sys.stderr.fileno(), 1)  # a network's code may print; stdout is for the result
    torch.set_num_threads(threads)
    work: Work = joblib.load(path, mmap_mode="r")
    scorer = Scorer(replace(work, device=device), store)
    pipe.send(READY)
    while (entry := pipe.recv()) is not None:
        pipe.send(scorer(entry))


def _end_with_parent(folder: Path) -> None:
    """A parent that is killed cannot tidy up after itself."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)
