"""Read checkpoint files without running code, and check them."""

import argparse
import hashlib
import pickle
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from acrank.errors import ModelError
from acrank.utils.regular import is_regular
from acrank.utils.visible import brief, first_line
from acrank.zoo.bounds import refuse_false_shapes, refuse_zip_bomb
from acrank.zoo.checkpoints.kinds import is_safetensors, of_kind, refuse_other_kinds, weak_kind
from acrank.zoo.checkpoints.shards import is_index, weights_files

State = Mapping[str, torch.Tensor]

SAVE = "Save model.state_dict() as safetensors."
# Dictionaries inside one another that are looked into: training scripts use two.
_DEEPEST = 4
# What torch.compile, FSDP and activation checkpointing put into the names of parameters.
_MARKS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "C64": torch.complex64,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "BOOL": torch.bool,
}


class Checkpoint(dict[str, torch.Tensor]):
    """The tensors of a checkpoint file by their names.

    Attributes:
        folders: the dictionaries that they lie in, their names with dots between; the outermost
            has none.
    """

    folders: frozenset[str] = frozenset()


def folder_of(state: State, name: str) -> str:
    """The innermost dictionary that a tensor lies in; empty for the outermost."""
    folders = state.folders if isinstance(state, Checkpoint) else frozenset[str]()
    parts = name.split(".")[:-1] if len(folders) > 1 else []
    starts = (".".join(parts[:size]) for size in range(len(parts), 0, -1))
    return next((start for start in starts if start in folders), "")


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal; of a checkpoint in several, of their SHA-256."""
    paths = weights_files(path)
    digests = []
    for each in (path, *paths) if is_index(path) else paths:
        with each.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()


def short_sha256(path: Path) -> str:
    """The revision of a local file: its content, as far as twelve digits tell it."""
    return f"sha256:{file_sha256(path)[:12]}"


def check_file(path: Path, sha256: str | None) -> None:
    """Check that a checkpoint is there and is the one that was meant, before parsing any of it.

    Raises:
        ModelError: it is missing, no file but a folder, pipe or device, or another file.
    """
    if not is_regular(path):
        raise ModelError(f"There is no weights file {path}.", hint="Check weights in the zoo file.")
    if sha256 is None:
        return
    found = file_sha256(path)
    if found != sha256:
        raise ModelError(
            f"{path.name} is not the file that the zoo names: its SHA-256 starts with "
            f"{found[:12]}, "
            f"the zoo says {sha256[:12]}.",
            hint="Fetch the file again, or correct sha256 in the zoo file.",
        )


def read_state(path: Path, *, device: str = "cpu") -> Checkpoint:
    """The tensors of a checkpoint by their names; inside dictionaries, with dots between.

    Marks that PyTorch's own wrappers leave in names, such as ``_orig_mod``, are taken out.

    Args:
        path: a file, or the index of several.
        device: ``meta`` reads shapes and types without the numbers.

    Raises:
        ModelError: it cannot be read without running code, or holds no tensors by name.
    """
    state = Checkpoint()
    for each in weights_files(path):
        found = _read_file(each, device)
        again = state.keys() & found.keys()
        if again:
            raise ModelError(f"{path.name} holds {some(sorted(again))} twice.", hint=SAVE)
        state.update(found)
        state.folders |= found.folders
    return state


def _read_file(path: Path, device: str) -> Checkpoint:
    if path.stat().st_size == 0:
        raise ModelError(f"{path.name} is empty (0 bytes).", hint="Fetch it again.")
    refuse_zip_bomb(path)
    refuse_other_kinds(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's on odd pickles: what matters is raised
            if path.suffix == ".safetensors" or is_safetensors(path):
                return _read_safetensors(path, device)
            # timm's own checkpoints hold the arguments of their training
            with torch.serialization.safe_globals([argparse.Namespace]):
                content = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch, safetensors and pickle all have their own
        raise _unreadable(path, error) from error
    state = _named(content)
    if not state:
        empty = isinstance(content, Mapping) and not content
        reason = "it holds no tensors." if empty else "it is not a file of named tensors."
        raise ModelError(f"{path.name} cannot be read as a checkpoint: {reason}", hint=SAVE)
    refuse_false_shapes(path, state.values())
    return state


def _read_safetensors(path: Path, device: str) -> Checkpoint:
    with safe_open(path, framework="pt") as file:
        keys = list(file.keys())
        if device != "meta":
            return _named({key: file.get_tensor(key).to(device) for key in keys})
        slices = {key: file.get_slice(key) for key in keys}
        return _named({k: outline(v.get_shape(), v.get_dtype()) for k, v in slices.items()})


def outline(shape: Sequence[int], dtype: str) -> torch.Tensor:
    """A tensor without numbers, of a type as safetensors names it."""
    # what has no name here is not of floating point, and so is refused as weights
    return torch.empty(tuple(shape), dtype=_TYPES.get(dtype, torch.uint8), device="meta")


def _named(content: object) -> Checkpoint:
    """Every tensor that a name leads to, a few dictionaries deep."""
    state = Checkpoint()
    waiting: list[tuple[tuple[str, ...], object]] = [((), content)]
    folders = set()
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, torch.Tensor) and place:
            name = ".".join(place)
            short = unmarked(name)
            state[name if short in state or not short else short] = value
        elif isinstance(value, Mapping) and len(place) < _DEEPEST:
            folders.add(".".join(place))
            inner = [(key, each) for key, each in value.items() if isinstance(key, str)]
            waiting.extend(((*place, key), each) for key, each in reversed(inner))
    state.folders = frozenset(folders)
    return state


def without_numbers(state: State) -> Checkpoint:
    """The same tensors as shapes and types alone."""
    bare = Checkpoint()
    for name, value in state.items():
        dtype = torch.uint8 if value.is_quantized else value.dtype
        bare[name] = torch.empty(value.shape, dtype=dtype, device="meta")
    bare.folders = state.folders if isinstance(state, Checkpoint) else frozenset()
    return bare


def unmarked(name: str) -> str:
    """A name without what PyTorch's own wrappers leave in it, such as ``_orig_mod``."""
    return ".".join(part for part in name.split(".") if part not in _MARKS)


def _unreadable(path: Path, error: BaseException) -> ModelError:
    kind = weak_kind(path)
    if kind is not None and not isinstance(error, SafetensorError):
        return of_kind(path, kind)
    if isinstance(error, pickle.UnpicklingError):
        # nothing else of what it names is quoted: it may be any file, with a secret in it
        arrays = "GLOBAL numpy." in str(error)
        such = ", NumPy's arrays or numbers," if arrays else ""
        leave = "Turn them into tensors and save again, or leave them out."
        return ModelError(
            f"{path.name} is a pickle with more than tensors in it{such or ','} and is not opened: "
            "pickles can run code.",
            hint=leave if arrays else SAVE,
        )
    return ModelError(
        f"{path.name} cannot be read as a checkpoint: {_reason(error)}",
        hint="It may be cut short or of another format; fetch it again.",
    )


def _reason(error: BaseException) -> str:
    """Return the first line of a reader's error; Python's own errors would help nobody."""
    if not isinstance(error, OSError | RuntimeError | SafetensorError):
        return "it is not a file of named tensors."
    return f"{first_line(error)}."


def refuse_unsafe_pickle(path: Path) -> None:
    """Refuse a pickle that holds more than tensors, or a zip bomb, before timm opens it.

    timm reads pickles the safe way only in its later versions; the check does not rely on that.

    Raises:
        ModelError: the file could run code, or is of another kind.
    """
    refuse_zip_bomb(path)
    if path.suffix != ".npz":
        refuse_other_kinds(path)
    if path.suffix not in (".safetensors", ".npz"):
        read_state(path, device="meta")


def some(keys: Sequence[str]) -> str:
    """The first three of many names."""
    return ", ".join(brief(str(key), 100) for key in keys[:3]) + (", ..." if len(keys) > 3 else "")
