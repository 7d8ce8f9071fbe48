"""Draw all weights of a network anew, for scores that compare with a random one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from acrank.errors import ModelError
from acrank.utils.visible import typed_line
from acrank.zoo.drawing import generators_at

FLAG = "random-network"
# Parameters named in a flag.
_NAMED = 3


class RandomWeights(NamedTuple):
    """Weights and statistics of a network's architecture, as they are before any training.

    Attributes:
        values: of every parameter, then of every buffer, in the order of the network, on the CPU.
        shuffled: names of the parameters that no layer draws.
    """

    values: tuple[Tensor, ...]
    shuffled: tuple[str, ...]

    @property
    def flags(self) -> dict[str, str]:
        """Name the parameters that are not drawn; empty where there are none."""
        if not self.shuffled:
            return {}
        more = ", ..." if len(self.shuffled) > _NAMED else ""
        named = ", ".join(self.shuffled[:_NAMED]) + more
        return {FLAG: f"{len(self.shuffled)} parameters in random order, not drawn ({named})"}


def random_weights(model: nn.Module, seed: int) -> RandomWeights:
    """Draw each layer's parameters as the layer itself does when it is made.

    Norms get ones, zeros and fresh statistics. Parameters of no such layer (class tokens,
    positions, scales) keep their values in random order, and so their size.

    Args:
        model: on the CPU; it is as before afterwards.
        seed: of the draw; the same weights follow from it on every device.

    Raises:
        ModelError: a layer cannot be drawn anew.
    """
    before = [value.detach().clone() for value in _tensors(model)]
    try:
        with generators_at(seed), torch.no_grad():
            drawn = _draw_layers(model)
            named = dict(model.named_parameters())
            rest = tuple(name for name, value in named.items() if id(value) not in drawn)
            for name in rest:
                flat = named[name].detach().reshape(-1)
                named[name].copy_(flat[torch.randperm(len(flat))].reshape(named[name].shape))
        return RandomWeights(tuple(v.detach().clone() for v in _tensors(model)), rest)
    except Exception as error:  # a network's own code may raise anything
        raise ModelError(f"its layers cannot be drawn anew: {typed_line(error)}") from error
    finally:
        _fill(model, before)


@contextmanager
def with_weights(model: nn.Module, weights: RandomWeights) -> Iterator[None]:
    """Give a network random weights within the block, and its own afterwards."""
    before = [value.detach().clone() for value in _tensors(model)]
    _fill(model, weights.values)
    try:
        yield
    finally:
        _fill(model, before)


def _draw_layers(model: nn.Module) -> set[int]:
    """Let each layer draw its parameters; returns the identities of those that are drawn."""
    drawn: set[int] = set()
    for module in model.modules():
        reset: Callable[[], None] | None = getattr(module, "reset_parameters", None)
        reset = reset or getattr(module, "_reset_parameters", None)  # PyTorch's own attention
        own = {id(value) for value in module.parameters(recurse=False)}
        if callable(reset) and (own or any(True for _ in module.buffers(recurse=False))):
            reset()
            drawn |= own
    return drawn


def _tensors(model: nn.Module) -> list[Tensor]:
    return [*model.parameters(), *model.buffers()]


def _fill(model: nn.Module, values: list[Tensor] | tuple[Tensor, ...]) -> None:
    with torch.no_grad():
        for value, given in zip(_tensors(model), values, strict=True):
            value.copy_(given)
