"""Score models one after the other in this process; one failing model never stops the run."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence

import torch

from acrank.errors import AcrankError
from acrank.results import ModelResult
from acrank.zoo import ZooEntry

# How PyTorch's allocators say it where they raise a plain RuntimeError: Windows, Linux, MPS.
OUT_OF_MEMORY = ("not enough memory", "can't allocate memory", "out of memory")

Score = Callable[[ZooEntry], ModelResult]


def run_in_process(entries: Sequence[ZooEntry], score: Score) -> Iterator[ModelResult]:
    """Score each entry in turn.

    Args:
        entries: the candidates.
        score: loads, probes and scores one of them.

    Yields:
        A result for every entry, in order; a failure is a result with its reason.
    """
    for entry in entries:
        started = time.perf_counter()
        try:
            result = score(entry)
        except Exception as error:  # whatever a model does, its row says it
            result = ModelResult.failed(entry.name, explain_failure(error))
        yield result.with_seconds(time.perf_counter() - started)
        gc.collect()  # a network's reference cycles must not outlive its turn


def explain_failure(error: Exception) -> str:
    """One line on why a model could not be scored."""
    if isinstance(error, AcrankError):
        return str(error)
    text = " ".join(str(error).split())
    memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
    if memory or any(words in text for words in OUT_OF_MEMORY):
        return "out of memory: lower --batch-size, or choose a smaller backbone."
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
