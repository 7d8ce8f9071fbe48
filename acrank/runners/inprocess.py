"""Score models one after the other in this process; the next is loaded while one is probed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from queue import Queue
from typing import TypeVar, cast

from acrank.results import ModelResult
from acrank.runners.model import Admit, ModelRunner, admit_all
from acrank.zoo import ZooEntry

In = TypeVar("In")
Out = TypeVar("Out")

# Seconds that the end of a run waits for what is being loaded ahead in vain.
GRACE = 3.0


def run_in_process(
    entries: Iterable[ZooEntry],
    runner: ModelRunner,
    begin: Callable[[str], None],
    admit: Admit = admit_all,
) -> Iterator[ModelResult]:
    """Score each entry in turn.

    Args:
        entries: the candidates.
        runner: of the run.
        begin: is told the name of the model that is probed next.
        admit: whether to score an entry; asked before it is loaded, which is while another is
            still probed, and again before it is probed.

    Yields:
        A result for every entry that was scored, in order.
    """
    # A network's code may print; stdout is for the result.
    with redirect_stdout(sys.stderr):
        for prepared in ahead(runner.prepare, filter(admit, entries)):
            if prepared.result is None and not admit(prepared.entry):
                continue
            begin(prepared.entry.name)
            yield runner.finish(prepared)


def ahead(work: Callable[[In], Out], inputs: Iterable[In]) -> Iterator[Out]:
    """Apply ``work`` to inputs in a thread, one ahead of the consumer, in their order.

    The thread ends with the process, whatever it does: an interrupt does not wait for a download
    for longer than ``GRACE``.

    Args:
        work: must not raise.
        inputs: are taken as they are needed.
    """
    ready: Queue[Out] = Queue()
    wanted: Queue[In | object] = Queue()
    end = object()

    def worker() -> None:
        while (item := wanted.get()) is not end:
            ready.put(work(cast("In", item)))

    thread = threading.Thread(target=worker, name="acrank-ahead", daemon=True)
    thread.start()
    waiting = 0
    try:
        for item in inputs:
            wanted.put(item)
            waiting += 1
            if waiting > 1:
                yield ready.get()
                waiting -= 1
        if waiting:
            yield ready.get()
    finally:
        wanted.put(end)
        # a thread that is in PyTorch's code when the interpreter ends would abort the process
        thread.join(GRACE)
