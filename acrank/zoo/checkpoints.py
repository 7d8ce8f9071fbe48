"""Checkpoint files: read without running code, checked, and loaded without leftovers."""

import hashlib
import pickle
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from timm.models import load_state_dict
from torch import nn

from acrank.common.regular import is_regular
from acrank.common.visible import first_line
from acrank.errors import ModelError
from acrank.zoo.bounds import refuse_false_shapes, refuse_zip_bomb

State = dict[str, torch.Tensor]
Shapes = dict[str, tuple[int, ...]]


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def short_sha256(path: Path) -> str:
    """The revision of a local file: its content, as far as twelve digits tell it."""
    return f"sha256:{file_sha256(path)[:12]}"


def check_file(path: Path, sha256: str | None) -> None:
    """See that a checkpoint is there and is the one that was meant, before parsing any of it.

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
            f"{path.name} is not the file the zoo means: its SHA-256 starts with {found[:12]}, "
            f"the zoo says {sha256[:12]}.",
            hint="Fetch the file again, or correct sha256 in the zoo file.",
        )


def read_state(path: Path, *, device: str = "cpu") -> State:
    """The tensors of a checkpoint, its wrappers and prefixes stripped as timm does.

    Raises:
        ModelError: it cannot be read without running code, or holds no tensors by name.
    """
    if path.stat().st_size == 0:
        raise ModelError(f"{path.name} is empty (0 bytes).", hint="Fetch it again.")
    refuse_zip_bomb(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's on odd pickles: what matters is raised
            state: Any = load_state_dict(str(path), device=device, weights_only=True)
    except Exception as error:  # timm, torch, safetensors and pickle all have their own
        raise _unreadable(path, error) from error
    strangers = [key for key, value in state.items() if not isinstance(value, torch.Tensor)]
    if strangers or not state:
        found = f"holds {_some(strangers)}, not tensors" if strangers else "holds no tensors"
        raise ModelError(f"{path.name} {found}.", hint="Save model.state_dict() as safetensors.")
    _refuse_odd_tensors(path, state, device)
    refuse_false_shapes(path, state.values())
    return dict(state)


def _refuse_odd_tensors(path: Path, state: State, device: str) -> None:
    """Refuse what a network's weights cannot be: no copy into them would mean anything."""
    odd = [
        key
        for key, value in state.items()
        if value.layout is not torch.strided
        or value.is_quantized
        or value.is_complex()
        or (value.is_meta and device != "meta")
    ]
    if odd:
        raise ModelError(
            f"{path.name} holds sparse, quantized, complex or empty (meta) tensors: {_some(odd)}.",
            hint="Save the network's own floating-point weights.",
        )


def _unreadable(path: Path, error: BaseException) -> ModelError:
    causes = (error, error.__cause__)
    if any(isinstance(cause, pickle.UnpicklingError) for cause in causes):
        return ModelError(
            f"{path.name} is a pickle with more than tensors in it, and is not opened: "
            "pickles can run code.",
            hint="Save model.state_dict() as safetensors.",
        )
    return ModelError(
        f"{path.name} cannot be read as a checkpoint: {_reason(error)}",
        hint="It may be cut short or of another format; fetch it again.",
    )


def _reason(error: BaseException) -> str:
    """What a reader said in its first line; what Python said would be of no use to anyone."""
    if not isinstance(error, OSError | RuntimeError | SafetensorError):
        return "it is no file of tensors by name."
    return f"{first_line(error)}."


def refuse_unsafe_pickle(path: Path) -> None:
    """Refuse a pickle that holds more than tensors, or a zip bomb, before timm opens it.

    timm reads pickles the safe way only in its later versions; the check does not rely on that.

    Raises:
        ModelError: the file could run code.
    """
    refuse_zip_bomb(path)
    if path.suffix not in (".safetensors", ".npz"):
        read_state(path, device="meta")


def read_shapes(path: Path) -> Shapes:
    """The shapes in a checkpoint, without its numbers.

    Raises:
        ModelError: it cannot be read.
    """
    if path.suffix != ".safetensors":
        return {key: tuple(value.shape) for key, value in read_state(path, device="meta").items()}
    try:
        with safe_open(path, framework="pt") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except Exception as error:
        raise _unreadable(path, error) from error


def class_count(shapes: Mapping[str, Sequence[int]], classifier: object) -> int:
    """How many classes a checkpoint's head has; 0 if it has no head.

    Args:
        shapes: shape of each tensor.
        classifier: the head's name in the network, or names where a network has several.
    """
    names = [classifier] if isinstance(classifier, str) else list(classifier or ())  # type: ignore[call-overload]
    found = [shape for name in names if (shape := shapes.get(f"{name}.weight"))]
    return int(found[0][0]) if found else 0


def check_fit(model: nn.Module, shapes: Shapes, label: str) -> None:
    """See that a checkpoint has the network's tensors and no others, by their shapes.

    Raises:
        ModelError: it does not fit, and where.
    """
    wanted = model.state_dict()
    # old checkpoints lack BatchNorm's batch counter; torch itself forgives that
    absent = [key for key in wanted.keys() - shapes.keys() if "num_batches_tracked" not in key]
    same = same_tensors(model)
    there = {same.get(key) for key in shapes}
    missing = [key for key in absent if same.get(key) not in there]
    extra = list(shapes.keys() - wanted.keys())
    shared = wanted.keys() & shapes.keys()
    differing = [key for key in shared if tuple(wanted[key].shape) != shapes[key]]
    parts = [
        f"{len(keys)} {what} ({_some(sorted(keys))})"
        for what, keys in (
            ("missing", missing),
            ("unexpected", extra),
            ("of another shape", differing),
        )
        if keys
    ]
    if parts:
        hint = "Check arch, kwargs or factory: this checkpoint is of another network."
        raise ModelError(f"{label} does not fit the network: {'; '.join(parts)}.", hint=hint)


def same_tensors(model: nn.Module) -> dict[str, int]:
    """A number for each name of a network's tensors, equal for names of one and the same.

    Some networks have a layer in two places; safetensors files keep it under one name.
    """
    parameters = model.named_parameters(remove_duplicate=False)
    buffers = model.named_buffers(remove_duplicate=False)
    return {name: id(tensor) for name, tensor in (*parameters, *buffers)}


def check_finite(model: nn.Module) -> None:
    """Refuse weights that no score could be computed from.

    Raises:
        ModelError: some are NaN or infinite.
    """
    broken = [
        key
        for key, value in model.state_dict().items()
        if value.is_floating_point() and not bool(torch.isfinite(value).all())
    ]
    if broken:
        raise ModelError(
            f"The weights are NaN or infinite in {len(broken)} tensor(s): {_some(broken)}.",
            hint="The training diverged or the file is damaged; use another checkpoint.",
        )


def _some(keys: Sequence[str]) -> str:
    """The first three of many names."""
    return ", ".join(map(str, keys[:3])) + (", ..." if len(keys) > 3 else "")
