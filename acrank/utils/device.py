"""Choose the device, the precision and the CPU threads of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import joblib
import torch

from acrank.errors import ConfigError


def choose_device(name: str, *, elsewhere: bool = False) -> torch.device:
    """The device of a run.

    Args:
        name: of the device, or ``auto``.
        elsewhere: whether other machines run the networks: they may have CUDA, this one not.

    Raises:
        ConfigError: the device asked for is not there.
    """
    if name == "cuda" and elsewhere:
        return torch.device(name)
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, there in available.items() if there)
    if not available[name]:
        there = ", ".join(device for device, there in available.items() if there)
        raise ConfigError(f"Device '{name}' is not available here.", hint=f"Available: {there}.")
    return torch.device(name)


def cpu_threads(given: int | None) -> int:
    """CPU threads of arithmetic: as given, or what PyTorch chose and this process may use.

    PyTorch takes the physical cores, and knows nothing of the share of them that a container is
    allowed (cgroups): sixty threads on two cores wait for one another.
    """
    return given or max(1, min(torch.get_num_threads(), joblib.cpu_count()))


def choose_autocast(precision: str, device: torch.device) -> torch.dtype | None:
    """bf16 where it is asked for, or where ``auto`` finds hardware for it; else None (fp32)."""
    wanted = precision == "bf16" or (precision == "auto" and _has_bf16(device))
    return torch.bfloat16 if wanted else None


def precision_name(dtype: torch.dtype | None) -> str:
    """Return the name of a precision as settings write it: ``fp32`` or ``bf16``."""
    return {None: "fp32", torch.bfloat16: "bf16"}[dtype]


@contextmanager
def reproducible(device: torch.device) -> Iterator[None]:
    """Make CUDA use deterministic convolutions, and full fp32 in place of TF32."""
    if device.type != "cuda":
        yield
        return
    settings = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    with settings:
        yield


def _has_bf16(device: torch.device) -> bool:
    """Return whether the hardware computes in bf16; emulated, it is slower than fp32."""
    if device.type == "cuda":
        if not torch.cuda.is_available():  # it is another machine's, of which nothing is known
            return False
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return False
    probes = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)
