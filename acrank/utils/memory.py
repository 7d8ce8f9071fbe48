"""Measure how much memory a piece of work takes at its peak."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path

import torch


def memory_of(run: Callable[[], object], device: torch.device) -> tuple[int | None, str]:
    """Return the memory in bytes that a piece of work takes at its peak, and what that is of.

    Args:
        run: the work; it has been done once before, so that the libraries and kernels that it needs
            are not counted.
        device: device that it runs on.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        peak = torch.cuda.max_memory_allocated() - before
        return peak, "tensors on the GPU at their peak"
    held = _resident(begin=True)
    run()
    peaked = _resident()
    if device.type != "cpu" or held is None or peaked is None:
        return None, "not measured on this system"
    return max(0, peaked - held), "resident memory at its peak, beyond the libraries"


def _resident(*, begin: bool = False) -> int | None:
    """Return the resident memory of this process in bytes: at its peak, or as it is.

    Only Linux lets a process forget the peak of what it did before.

    Args:
        begin: forget the peak, and return what is held now.
    """
    try:
        if begin:
            ctypes.CDLL(None).malloc_trim(0)  # what was freed would be taken again unseen
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except (OSError, AttributeError, TypeError):  # another system, or another C library
        return None
    known = (line for line in lines if line.startswith("VmRSS:" if begin else "VmHWM:"))
    return next((int(line.split()[1]) * 1024 for line in known), None)
