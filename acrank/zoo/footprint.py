"""Tell what a network takes from its structure: arithmetic, and the memory of a probe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from acrank.errors import ModelError
from acrank.norm.types import BATCH, KINDS
from acrank.norm.usable import usable_norms
from acrank.utils.visible import first_line
from acrank.zoo.wrappers import unwrap_parts


@dataclass(frozen=True)
class Footprint:
    """The compute and memory that a network takes.

    Attributes:
        macs: multiplications with addition in one forward pass of one image, in convolutions
            and matrix products; norms, activations and pooling are left out.
        memory: bytes at the peak of one step of the probe in float32: the weights, the images,
            what the forward pass keeps for the backward pass, and twice the largest activation,
            for what arithmetic needs besides. Python and PyTorch themselves come on top.
    """

    macs: int
    memory: int


def network_footprint(model: nn.Module, input_size: Sequence[int], batch_size: int) -> Footprint:
    """Run a network without numbers: shapes alone go through it.

    Args:
        model: with its head; is moved to the meta device, and only its BatchNorms (without
            any, its other norms) are left trainable.
        input_size: (channels, height, width) of an image.
        batch_size: images of a step.

    Raises:
        ModelError: the network cannot run without numbers.
    """
    unwrap_parts(model)
    model.to("meta")
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    norms = usable_norms(model, BATCH) or usable_norms(model, KINDS)
    for layer in norms.values():  # the probe's step is in their affines alone
        layer.requires_grad_(True)  # keeps as much in eval mode, and is told faster
    weights = _storages([*model.parameters(), *model.buffers()])
    images = torch.empty(batch_size, *input_size, device="meta")
    try:
        with _Watch() as watch, _keeping(known=weights) as kept:
            model(images)
    except Exception as error:  # a network's code may raise anything
        message = f"its MACs and memory cannot be told without running it: {first_line(error)}."
        raise ModelError(message) from error
    held = sum(weights.values()) + images.untyped_storage().nbytes() + sum(kept.values())
    return Footprint(watch.operations // 2 // batch_size, held + 2 * watch.largest)


class _Watch(TorchDispatchMode):
    """Counts what is computed, two operations for a multiplication with addition."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        self.operations = 0
        self.largest = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Let one operation run, then count it."""
        options = kwargs or {}
        made = func(*args, **options)
        count = flop_registry.get(func.overloadpacket)
        if count is not None:
            self.operations += int(count(*args, **options, out_val=made))
        sizes = (_nbytes(value) for value in tree_leaves(made) if isinstance(value, Tensor))
        self.largest = max(self.largest, *sizes, 0)
        return made


@contextmanager
def _keeping(known: dict[int, int]) -> Iterator[dict[int, int]]:
    """The storages, and their bytes, that autograd keeps meanwhile; not the known ones."""
    kept: dict[int, int] = {}
    alive = []  # the address of a storage that is gone may be another's

    def note(tensor: Tensor) -> Tensor:
        kept.update(item for item in _storages([tensor]).items() if item[0] not in known)
        alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        yield kept


def _storages(tensors: Sequence[Tensor]) -> dict[int, int]:
    """Bytes by storage: views of one count once."""
    storages = [tensor.untyped_storage() for tensor in tensors]
    return {storage._cdata: storage.nbytes() for storage in storages}


def _nbytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
