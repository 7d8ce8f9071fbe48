"""Limit the memory and disk space that a checkpoint or a network may take, before it takes them.

A zip archive of a few megabytes can unpack to terabytes, a tensor of one stored number can claim
any shape, and one argument can ask for a layer larger than the machine's memory.
"""

import json
import math
import os
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from acrank.errors import ModelError
from acrank.utils.regular import is_regular

# How many times its own size a file may stand for, and what any file may. Tied weights are
# counted twice and a few networks share more; torch and safetensors compress nothing.
MOST_TIMES = 4
ALWAYS = 16 * 2**20
MOST_CONFIG = 10**6
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")


def room(path: Path) -> int:
    """Return the largest number of bytes that a checkpoint file may expand to."""
    return ALWAYS + MOST_TIMES * path.stat().st_size


def refuse_zip_bomb(path: Path) -> None:
    """Look at the directory of a zip archive; torch and NumPy write those.

    Raises:
        ModelError: its members unpack to far more than the file, or it has no readable directory.
    """
    with path.open("rb") as file:
        if file.read(4) not in _ZIP_MAGIC:
            return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except Exception as error:  # zipfile has its own, and passes on struct's and codecs'
        raise ModelError(
            f"{path.name} cannot be read as a checkpoint: its zip directory is damaged.",
            hint="It may be cut short; fetch it again.",
        ) from error
    if unpacked > room(path):
        raise _claims_too_much(path, f"it unpacks to {_size(unpacked)}")


def check_config(path: Path) -> None:
    """Check that a model folder's ``config.json`` is a small JSON object that names a network.

    Raises:
        ModelError: it is not.
    """
    hint = "timm's save_for_hf writes such a file."
    if is_regular(path) and path.stat().st_size > MOST_CONFIG:
        raise ModelError(f"{path.name} is larger than {_size(MOST_CONFIG)}.", hint=hint)
    try:
        content = json.loads(path.read_bytes())
        sound = isinstance(content.get("architecture"), str)
    except Exception as error:  # json's, the codecs', RecursionError; no object, no get
        raise ModelError(f"{path.name} is not a readable JSON object.", hint=hint) from error
    if not sound:
        raise ModelError(f"{path.name} names no architecture.", hint=hint)


def refuse_false_shapes(path: Path, tensors: Iterable[torch.Tensor]) -> None:
    """Refuse tensors that repeat a few stored numbers to fill a huge shape.

    Raises:
        ModelError: together they claim far more than the file holds.
    """
    claimed = sum(math.prod(tensor.shape) * tensor.element_size() for tensor in tensors)
    if claimed > room(path):
        raise _claims_too_much(path, f"its tensors claim {_size(claimed)}")


def _claims_too_much(path: Path, what: str) -> ModelError:
    return ModelError(
        f"{path.name} is not opened: {what}, but the file has {_size(path.stat().st_size)}.",
        hint="Save model.state_dict() as safetensors.",
    )


class BoundedBuild(TorchDispatchMode):
    """A mode that refuses to allocate more than so many bytes while a network is built.

    Raises:
        ModelError: from the call that would go beyond.
    """

    def __init__(self, most: int | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.most = machine_memory() if most is None else most
        self.taken = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Count what a factory function is about to allocate, then call it."""
        options = kwargs or {}
        if _allocates(func, args) and torch.device(options.get("device") or "cpu").type != "meta":
            dtype = options.get("dtype") or torch.get_default_dtype()
            self.taken += math.prod(args[0]) * dtype.itemsize
            if self.taken > self.most:
                raise ModelError(
                    f"the network needs more than {_size(self.most)}, which neither its "
                    "weights nor this machine has.",
                    hint="Check kwargs and the number of classes.",
                )
        return func(*args, **options)


def _allocates(func: Any, args: Sequence[Any]) -> bool:
    """Tell whether a call makes a tensor whose shape is its first argument."""
    kind = func.overloadpacket.__name__
    return (
        kind in ("empty", "zeros", "ones", "full", "rand", "randn", "empty_strided")
        and bool(args)
        and isinstance(args[0], list | tuple)
    )


def machine_memory() -> int:
    """Bytes of memory in this machine; 64 GB where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return 64 * 10**9


def _size(count: int) -> str:
    """Bytes for people."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return (
                f"{count / factor:,.3g} {unit}" if count < 1e12 else f"{count / factor:,.0f} {unit}"
            )
    return f"{count} bytes"
