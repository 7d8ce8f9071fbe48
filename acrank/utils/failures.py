"""Explain in one line why a model failed."""

from __future__ import annotations

import torch

from acrank.errors import AcrankError

# How PyTorch's allocators say it where they raise a plain RuntimeError: Windows, Linux, MPS.
OUT_OF_MEMORY = ("not enough memory", "can't allocate memory", "out of memory")


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error says that memory did not suffice."""
    memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return memory or any(words in str(error) for words in OUT_OF_MEMORY)


def explain_failure(error: Exception) -> str:
    """Say in one line why a model could not be scored."""
    if isinstance(error, AcrankError):
        return str(error)
    if is_out_of_memory(error):
        return "out of memory: lower --batch-size, or choose a smaller backbone."
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
