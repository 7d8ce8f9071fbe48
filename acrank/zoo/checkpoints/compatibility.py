"""Check whether a checkpoint's tensors are a network's: names, shapes and number types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from acrank.errors import ModelError
from acrank.zoo.checkpoints.reading import State, some
from acrank.zoo.heads.known import find_head

_OTHER = "Check arch, kwargs or factory: this checkpoint is of another network."
# How the trained affine parameters of AC-Norm layers end, beside the source's.
_TARGETS = (".weight_target", ".bias_target")


def class_count(state: State, classifier: object) -> int:
    """Return the number of classes of a checkpoint's head; 0 if it has no head.

    Args:
        state: the tensors, by the network's names.
        classifier: the head's name in the network, or names where a network has several.
    """
    found = [
        tuple(state[f"{name}.weight"].shape)
        for name in head_names(classifier)
        if f"{name}.weight" in state
    ]
    return int(found[0][0]) if found and found[0] else 0


def head_names(classifier: object) -> Sequence[str]:
    """The names of a network's heads, as timm has them: none, one, or several."""
    return [classifier] if isinstance(classifier, str) else list(classifier or ())  # type: ignore[call-overload]


def head_tensors(model: nn.Module, classifier: str | None) -> set[int]:
    """The parameters of a network's head, as :func:`same_tensors` numbers them."""
    head = find_head(model, classifier)
    return set() if head is None else {id(parameter) for parameter in head.parameters()}


def same_tensors(model: nn.Module) -> dict[str, int]:
    """A number for each name of a network's tensors, equal for names of one and the same.

    Some networks have a layer in two places; safetensors files keep it under one name.
    """
    parameters = model.named_parameters(remove_duplicate=False)
    buffers = model.named_buffers(remove_duplicate=False)
    return {name: id(tensor) for name, tensor in (*parameters, *buffers)}


def counts(name: str) -> bool:
    """Tell whether a tensor counts: all but BatchNorm's batch counter, which old files lack."""
    return not name.endswith("num_batches_tracked")


def misfits(model: nn.Module, state: State, *, but: set[int] | None = None) -> dict[str, list[str]]:
    """List the tensors by which a checkpoint differs from the network, by kind, names in order.

    Args:
        model: the network.
        state: the tensors, by its names.
        but: tensors of the network that may be missing or of another shape.
    """
    wanted = model.state_dict()
    same = same_tensors(model)
    but = but or set()
    there = {same.get(key) for key in state} | but
    missing = [key for key in wanted.keys() - state.keys() if counts(key)]
    differing = [
        key
        for key in filter(counts, wanted.keys() & state.keys())
        if wanted[key].shape != state[key].shape and same.get(key) not in but
    ]
    return {
        "missing": sorted(key for key in missing if same.get(key) not in there),
        "unexpected": sorted(filter(counts, state.keys() - wanted.keys())),
        "of another shape": sorted(differing),
    }


def check_fit(found: Mapping[str, Sequence[str]], label: str) -> None:
    """Refuse a checkpoint that is not the network's.

    Args:
        found: by :func:`misfits`.
        label: what the message calls the checkpoint.

    Raises:
        ModelError: it does not fit, and where.
    """
    parts = [f"{len(keys)} {what} ({some(keys)})" for what, keys in found.items() if keys]
    if parts:
        raise ModelError(f"{label} does not fit the network: {'; '.join(parts)}.", hint=_OTHER)


def refuse_odd_tensors(
    model: nn.Module, state: State, label: str, *, numbers: bool = False
) -> None:
    """Refuse what a network's weights cannot be: no copy into them would mean anything.

    Args:
        model: the network.
        state: the checkpoint's tensors, by its names.
        label: what the message calls the checkpoint.
        numbers: whether the tensors should have numbers, and not only shapes.

    Raises:
        ModelError: tensors are sparse, quantized, complex or empty, or hold whole numbers (or
            floats of 8 bits, which mean nothing without the scales beside them) where the
            network has floating-point ones; or its affine parameters are AC-Norm's.
    """
    odd = [key for key, value in state.items() if _is_odd(value) or (numbers and value.is_meta)]
    if odd:
        raise ModelError(
            f"{label} holds sparse, quantized, complex or empty (meta) tensors: {some(odd)}.",
            hint="Save the network's own floating-point weights.",
        )
    wanted = model.state_dict()
    targets = [key for key in state if key.endswith(_TARGETS) and key not in wanted]
    if targets:
        raise ModelError(
            f"{label} is of a network with AC-Norm layers ({some(targets)}): what they have "
            "learned would be lost.",
            hint="Save acrank.norm.fold(model).state_dict(), of plain layers.",
        )
    floating = {key for key, value in wanted.items() if value.is_floating_point()}
    narrow = {
        key: value.dtype for key, value in state.items() if key in floating and _narrow(value)
    }
    if narrow:
        kinds = ", ".join(sorted({str(kind).removeprefix("torch.") for kind in narrow.values()}))
        raise ModelError(
            f"{label} holds {kinds} for {len(narrow)} of the network's floating-point tensors: "
            f"{some(list(narrow))}.",
            hint="It is quantized or packed: save the network's own floating-point weights.",
        )


def _is_odd(value: torch.Tensor) -> bool:
    strange = value.layout is not torch.strided or value.is_quantized or value.is_complex()
    return bool(strange)


def _narrow(value: torch.Tensor) -> bool:
    return not value.is_floating_point() or value.dtype.itemsize < 2


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
            f"The weights are NaN or infinite in {len(broken)} tensor(s): {some(broken)}.",
            hint="The training diverged or the file is damaged; use another checkpoint.",
        )
