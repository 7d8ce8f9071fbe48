"""Measure how fast a fine-tuned network is on this machine, and how much memory it takes.

The measurement runs in a process of its own: what this process has loaded, and what its memory has
held before, would count otherwise.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from acrank.errors import AcrankError, ModelError
from acrank.finetuning.load import load_trained
from acrank.finetuning.trained import Trained
from acrank.runners.worker_pool import WorkerPool
from acrank.utils.device import choose_device, cpu_threads, reproducible
from acrank.utils.memory import memory_of
from acrank.utils.visible import typed_line

# Seconds of all timed runs together, by default, and the part that single inputs get.
SECONDS, OF_SINGLE = 5.0, 0.5
# Timed runs of single inputs, and the largest batch.
FEWEST, MOST, BATCH = 3, 200, 16


@dataclass(frozen=True)
class Latency:
    """The speed and the size of a network on one machine.

    Attributes:
        thing: ``image`` or ``patch``, of which one at a time was timed.
        shape: its shape (C, *S).
        median_ms: median of the milliseconds that one takes, as a batch of its own.
        p10_ms: 10th percentile.
        p90_ms: 90th percentile.
        runs: number of timed runs of one.
        per_second: number of them a second, in batches.
        batch_size: number in such a batch: 16, or fewer where they are slow.
        device: type and name of the device.
        threads: CPU threads of the arithmetic.
        precision: always ``fp32``.
        memory_bytes: memory that the network took at its peak; None if it is not known here.
        memory: what that is of, in words.
        parameters: number of parameters.
        file_bytes: size of the files with the weights.
    """

    thing: str
    shape: tuple[int, ...]
    median_ms: float
    p10_ms: float
    p90_ms: float
    runs: int
    per_second: float
    batch_size: int
    device: str
    threads: int
    precision: str
    memory_bytes: int | None
    memory: str
    parameters: int
    file_bytes: int

    def record(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {**asdict(self), "shape": list(self.shape)}

    def told(self) -> str:
        """Say it in one sentence."""
        size = " x ".join(map(str, self.shape[1:]))
        plural = {"image": "images", "patch": "patches"}[self.thing]
        on = f"{self.device}, {self.threads} thread{'' if self.threads == 1 else 's'}"
        memory = (
            "" if self.memory_bytes is None else f"; {self.memory_bytes / 2**20:.0f} MiB of memory"
        )
        return (
            f"One {self.thing} of {size} takes {self.median_ms:.3g} ms ({self.p10_ms:.3g} to "
            f"{self.p90_ms:.3g}), and {self.per_second:.3g} {plural} a second in batches of "
            f"{self.batch_size} ({on}, {self.precision}){memory}."
        )


@dataclass(frozen=True)
class _Question:
    """The network to time, and the conditions to time it under."""

    name: str
    folder: Path
    device: str
    threads: int
    seconds: float
    trust_code: bool


def measure_latency(
    folder: str | Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    seconds: float = SECONDS,
    trust_code: bool = False,
) -> Latency:
    """Time the network of a finished fine-tuning on this machine, in a process of its own.

    Of volumes, patches are timed. The inputs are random and of the real shape. Starting the
    process and loading the network come on top of the time.

    Args:
        folder: folder of the fine-tuning.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: CPU threads; None for as many as networks have here otherwise.
        seconds: time of all timed runs together; a network that is slower than a third of it takes
            longer.
        trust_code: allow the ``factory`` of a zoo entry to run its code.

    Raises:
        ConfigError: the device is not available here.
        ModelError: the network cannot be loaded, or its process ended.
        AcrankError: the process cannot start.
    """
    place = Path(folder)
    kind = choose_device(device).type
    asked = _Question(place.name, place, kind, cpu_threads(threads), seconds, trust_code)
    pool = WorkerPool[_Question, Latency | tuple[str, str | None]](
        jobs=1,
        prepare=_ready,
        arguments=lambda place: (),
        failed=lambda item, reason, seconds: (f"{item.folder}: {reason}", None),
        begin=lambda name: None,
        admit=lambda item: True,
    )
    (found,) = pool.run(iter([asked]))
    if isinstance(found, Latency):
        return found
    raise ModelError(found[0], hint=found[1])


def _ready() -> Callable[[_Question], Latency | tuple[str, str | None]]:
    """Begin to work in a process of its own."""
    return _answer


def _answer(asked: _Question) -> Latency | tuple[str, str | None]:
    """Measure; an error is returned as its message and its hint."""
    torch.set_num_threads(asked.threads)
    device = torch.device(asked.device)
    try:
        with reproducible(device):
            return _measured(asked, device)
    except AcrankError as error:
        return error.message, error.hint
    except Exception as error:  # the network's own code may raise anything
        return f"{asked.folder}: the network cannot be timed: {typed_line(error)}.", None


def _measured(asked: _Question, device: torch.device) -> Latency:
    _loaded(asked, device)
    memory_bytes, held = memory_of(lambda: _loaded(asked, device), device)
    trained, network, one = _loaded(asked, device)
    with torch.inference_mode():
        until = time.perf_counter() + asked.seconds * OF_SINGLE
        single: list[float] = []
        while len(single) < FEWEST or (len(single) < MOST and time.perf_counter() < until):
            single.append(_timed(network, one, device))
        median = float(np.median(single))
        count = _batch_size(median, asked.seconds * (1 - OF_SINGLE))
        batch = one.expand(count, *one.shape[1:]).contiguous()
        if one.ndim == 4:
            batch = batch.contiguous(memory_format=torch.channels_last)
        _timed(network, batch, device)
        until = time.perf_counter() + asked.seconds * (1 - OF_SINGLE) / 2
        whole: list[float] = []
        while not whole or (len(whole) < MOST and time.perf_counter() < until):
            whole.append(_timed(network, batch, device))
    p10, p90 = (float(value) for value in np.percentile(single, (10, 90)))
    return Latency(
        thing=trained.thing,
        shape=trained.shape,
        median_ms=1000 * median,
        p10_ms=1000 * p10,
        p90_ms=1000 * p90,
        runs=len(single),
        per_second=count / float(np.median(whole)),
        batch_size=count,
        device=_device_name(device),
        threads=torch.get_num_threads(),
        precision="fp32",
        memory_bytes=memory_bytes,
        memory=f"{held}: loading the network and running one {trained.thing}",
        parameters=trained.parameters,
        file_bytes=sum((asked.folder / name).stat().st_size for name in trained.files),
    )


def _loaded(asked: _Question, device: torch.device) -> tuple[Trained, nn.Module, Tensor]:
    """Load the network, and run it once, which prepares its kernels, on one input."""
    trained = load_trained(asked.folder, trust_code=asked.trust_code)
    network, one = trained.network.to(device), trained.inputs(1).to(device)
    if one.ndim == 4:  # as images are in training
        network.to(memory_format=torch.channels_last)
        one = one.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        _timed(network, one, device)
    return trained, network, one


def _batch_size(median: float, seconds: float) -> int:
    """Choose the largest power of two, up to 16, of which four batches fit into the seconds."""
    count = BATCH
    while count > 1 and 4 * count * median > seconds:
        count //= 2
    return count


def _timed(network: nn.Module, inputs: Tensor, device: torch.device) -> float:
    """Run the network once and return the seconds."""
    _wait(device)
    begin = time.perf_counter()
    network(inputs)
    _wait(device)
    return time.perf_counter() - begin


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
    elif device.type == "mps":
        torch.mps.synchronize()


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"cuda, {torch.cuda.get_device_name()}"
    return f"{device.type}, {_processor()}"


def _processor() -> str:
    """Return the name of the processor, or of its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
