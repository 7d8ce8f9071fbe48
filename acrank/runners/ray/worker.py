"""Score one model in a worker process of a Ray cluster."""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

import torch

from acrank.cache import Key
from acrank.results import ModelResult
from acrank.runners.model import ModelRunner, RunContext
from acrank.zoo import ZooEntry

# Seconds after its time that a network is stopped where it lets no thread of Python run.
GRACE = 10.0


@dataclass(frozen=True)
class ToKeep:
    """A result that the driver is to put into its store; see :meth:`acrank.cache.Store.put`."""

    key: Key
    result: ModelResult
    data: str


@dataclass(frozen=True)
class Scored:
    """What scoring one model gave.

    Attributes:
        result: of the model.
        keep: what goes into the driver's store; None for a failure.
    """

    result: ModelResult
    keep: ToKeep | None = None


@dataclass
class Outbox:
    """Stands for the driver's store in a worker: the driver keeps what is put into it.

    Nothing is found in it: the driver has looked for kept results before.
    """

    last: ToKeep | None = None

    def get(self, key: Key) -> ModelResult | None:
        """Find nothing."""
        return None

    def put(self, key: Key, result: ModelResult, data: str) -> str:
        """Send a result home with the model's own."""
        self.last = ToKeep(key, result, data)
        return ""


@dataclass
class _Process:
    """What this process keeps between models: the images, as the last network needed them."""

    run: str = ""
    outbox: Outbox = field(default_factory=Outbox)
    runner: ModelRunner | None = None

    def runner_of(self, run: str, context: RunContext) -> ModelRunner:
        """The one runner of a run in this process."""
        if self.runner is None or self.run != run:
            self.runner = None  # the images of another run go before those of this one come
            self.run, self.runner = run, ModelRunner(context, self.outbox)
        return self.runner


_process = _Process()


class _TimeUp(BaseException):
    """A model has used up its time; no code of a network takes it for an error of its own."""


def _raise_time_up(signum: int, frame: FrameType | None) -> None:
    raise _TimeUp


@contextmanager
def _limited(timeout: float | None) -> Iterator[None]:
    """Raise in this thread, the main one, if it takes longer than it may.

    Args:
        timeout: seconds; None for no limit.

    Raises:
        _TimeUp: it does.
    """
    if timeout is None:
        yield
        return
    alarm = hasattr(signal, "setitimer")  # not on Windows
    with Path(os.devnull).open("w") as nowhere:
        # native code that does not return to Python ends with its process, and Ray tries again
        faulthandler.dump_traceback_later(timeout + GRACE, exit=True, file=nowhere)
        if alarm:
            signal.signal(signal.SIGALRM, _raise_time_up)
            signal.setitimer(signal.ITIMER_REAL, timeout)
        try:
            yield
        finally:
            if alarm:
                signal.setitimer(signal.ITIMER_REAL, 0.0)
            faulthandler.cancel_dump_traceback_later()


def is_up() -> bool:
    """Say that a worker process has started and has imported this package."""
    return True


def score_entry(
    entry: ZooEntry, context: RunContext, run: str, threads: int, timeout: float | None
) -> Scored:
    """Score an entry: the task of which Ray runs one a model.

    Args:
        entry: the model.
        context: what the run's models have in common; its images are mapped, not copied.
        run: tells runs apart.
        threads: for CPU arithmetic.
        timeout: seconds after which the model is given up.
    """
    torch.set_num_threads(threads)
    runner = _process.runner_of(run, context)
    _process.outbox.last = None
    try:
        with _limited(timeout):
            result = runner(entry)
    except _TimeUp:
        reason = f"given up after {timeout:g} s (--timeout-per-model)."
        late = ModelResult.failed(entry.name, reason)
        return Scored(replace(late, seconds=timeout or 0.0))
    except SystemExit as error:
        reason = f"the network's code ended the worker process (exit code {error.code})."
        return Scored(ModelResult.failed(entry.name, reason))
    return Scored(result, _process.outbox.last)
