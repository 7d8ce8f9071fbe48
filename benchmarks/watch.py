"""Runs a command and watches its time and memory, its children's apart (Linux)."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

EVERY = 0.25


@dataclass
class Watched:
    """What a command took.

    Attributes:
        seconds: wall time.
        parent: peak of its own memory (proportional set size: shared pages count once), in bytes.
        children: peak of the sum over its children.
        stdout: what it printed.
        stderr: what it said.
    """

    seconds: float
    parent: int
    children: int
    stdout: str
    stderr: str


def watch(command: Sequence[str], env: Mapping[str, str]) -> Watched:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed.
    """
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    peaks = [0, 0]
    threading.Thread(target=_sample, args=(process.pid, peaks), daemon=True).start()
    out, err = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{err[-2000:]}")
    return Watched(time.perf_counter() - begun, peaks[0], peaks[1], out, err)


def _sample(pid: int, peaks: list[int]) -> None:
    with suppress(psutil.Error):
        parent = psutil.Process(pid)
        while parent.is_running():
            peaks[0] = max(peaks[0], _pss(parent))
            peaks[1] = max(peaks[1], sum(map(_pss, parent.children(recursive=True))))
            time.sleep(EVERY)


def _pss(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.memory_full_info().pss)
    return 0
