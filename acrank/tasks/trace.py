"""Trace what the layers of a network do in one pass over an image of zeros."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from acrank.errors import ModelError
from acrank.utils.outputs import main_output
from acrank.utils.visible import brief

# Pixels of the image that a pixel of the coarsest map stands for, at most.
COARSEST = 32

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One layer's turn.

    Attributes:
        name: of the module in the network.
        module: itself.
        stride: pixels of the image for one of the map it gives, the same along every axis and a
            power of two; 0 where there is no such number.
        shape: of what it gives, channels second; empty where that is no map of the image's
            dimensions.
        taken: the stride of what it takes.
        once: whether it has a single turn in a pass, so that its output is one map.
    """

    name: str
    module: nn.Module
    stride: int
    shape: tuple[int, ...]
    taken: int
    once: bool


@dataclass(frozen=True)
class Trace:
    """The turns of all layers, in the order in which they end.

    Attributes:
        steps: of every module but the network itself.
        stride: of the network's own output; 0 where that is no map.
        channels: of that output; 0 likewise.
        channels_last: whether its maps have their channels last.
    """

    steps: tuple[Step, ...]
    stride: int
    channels: int
    channels_last: bool


@torch.no_grad()
def trace(model: nn.Module, input_size: Sequence[int]) -> Trace:
    """Run a network once in eval mode, and note what its layers give.

    Args:
        model: maps images (N, C, *S) to anything; comes back as it was.
        input_size: (channels, *S) of an image.

    Raises:
        ModelError: it does not run.
    """
    size = tuple(input_size[1:])
    channels_last = getattr(model, "output_fmt", "NCHW") == "NHWC"
    seen, whole = _shapes(model, input_size)
    turns = Counter(name for name, *_ in seen)
    steps = tuple(
        Step(
            name,
            module,
            _stride(given, size, channels_last),
            _channels_second(given, channels_last),
            _stride(taken, size, channels_last),
            turns[name] == 1,
        )
        for name, module, taken, given in seen
    )
    stride = _stride(whole, size, channels_last)
    return Trace(steps, stride, whole[1] if stride else 0, channels_last)


def _shapes(
    model: nn.Module, input_size: Sequence[int]
) -> tuple[list[tuple[str, nn.Module, Shape, Shape]], Shape]:
    """Record the shapes that each layer takes and gives in one pass, and the network's own."""
    dimensions = len(input_size) - 1
    seen: list[tuple[str, nn.Module, Shape, Shape]] = []
    whole: list[Shape] = []

    def look(name: str) -> Any:
        def hook(module: nn.Module, args: tuple[object, ...], output: object) -> None:
            taken = _map_shape(args[0] if args else None, dimensions)
            seen.append((name, module, taken, _map_shape(output, dimensions)))

        return hook

    def end(module: nn.Module, args: object, output: object) -> None:
        whole.append(_map_shape(main_output(output), dimensions))

    handles = [
        module.register_forward_hook(look(name)) for name, module in model.named_modules() if name
    ]
    # before the hook that averages maps to one vector an image
    handles.append(model.register_forward_hook(end, prepend=True))
    try:
        _run(model, input_size)
    finally:
        for handle in handles:
            handle.remove()
    return seen, whole[0]


def _run(model: nn.Module, input_size: Sequence[int]) -> None:
    """Run a network once in eval mode, which it comes back from.

    Raises:
        ModelError: it does not run.
    """
    mode = model.training
    try:
        model.eval()
        model(torch.zeros(1, *input_size).to(next(model.parameters())))
    except (MemoryError, torch.OutOfMemoryError):
        raise  # which others know how to mend
    except Exception as error:  # any network may raise anything
        said = " ".join(str(error).split()) or type(error).__name__
        shape = "x".join(map(str, input_size))
        raise ModelError(
            f"it does not run on an image of {shape}: {brief(said, 200).rstrip('.')}.",
            hint="Check in_chans and kwargs in the zoo entry.",
        ) from error
    finally:
        model.train(mode)


def _map_shape(value: object, dimensions: int) -> tuple[int, ...]:
    is_map = isinstance(value, Tensor) and value.ndim == dimensions + 2
    return tuple(value.shape) if is_map and isinstance(value, Tensor) else ()


def _channels_second(shape: tuple[int, ...], channels_last: bool) -> tuple[int, ...]:
    return (shape[0], shape[-1], *shape[1:-1]) if channels_last and shape else shape


def _stride(shape: tuple[int, ...], size: Sequence[int], channels_last: bool) -> int:
    if not shape:
        return 0
    sides = shape[1:-1] if channels_last else shape[2:]
    ratios = {
        whole // part if part and whole % part == 0 else 0
        for whole, part in zip(size, sides, strict=True)
    }
    stride = ratios.pop() if len(ratios) == 1 else 0
    return stride if 0 < stride <= COARSEST and stride & (stride - 1) == 0 else 0
