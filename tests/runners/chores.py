"""Small tasks: some end well, others in one of the ways in which a network can end a task."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from acrank.runners.tasks import Tasks


@dataclass(frozen=True)
class Chore:
    name: str
    folder: Path = Path()


@dataclass(frozen=True)
class Done:
    name: str
    reason: str = ""
    seconds: float = 0.0
    threads: int = 0
    pid: int = 0


def do(chore: Chore) -> Done:
    match chore.name:
        case "raises":
            raise ValueError("no such layer")
        case "exits":
            sys.exit(4)
        case "dies":
            os._exit(1)
        case "sleeps":
            time.sleep(600)
        case "interrupted":
            raise KeyboardInterrupt
        case "prints":
            print("noise")
        case "dies once":
            mark = chore.folder / "died"
            if not mark.exists():
                mark.touch()
                os._exit(1)
        case "gpu":
            return Done(chore.name, os.environ.get("CUDA_VISIBLE_DEVICES", ""))
        case "here":
            return Done(chore.name, str(Path.cwd()))
    return Done(chore.name, threads=torch.get_num_threads(), pid=os.getpid())


def undone(chore: Chore, reason: str, seconds: float) -> Done:
    return Done(chore.name, reason, seconds)


def chores(*names: str) -> list[Chore]:
    return [Chore(name) for name in names]


def tasks(jobs: int | None = None, timeout: float | None = None) -> Tasks[Chore, Done]:
    return Tasks(do, undone, jobs=jobs, threads=1, timeout=timeout, device="cpu")
