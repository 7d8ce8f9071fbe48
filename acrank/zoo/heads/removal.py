"""Take the head off a network; of one that timm does not know it is found in a pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from acrank.tasks.maps import Maps
from acrank.zoo.heads.ending import Ending, find_ending, gives_vectors
from acrank.zoo.heads.known import as_vectors, find_head, remove_head, source_head

# Flags: no head was found; a guess among several outputs.
OUTPUTS = "features-are-outputs"
CHOSEN = "one-of-its-outputs"
OF_VECTORS = {OUTPUTS, CHOSEN}
# What may stand among the linear layers of a head of several.
_IN_A_STACK = (
    *(nn.Linear, nn.Identity, nn.Flatten, nn.Dropout, nn.AlphaDropout, nn.LayerNorm),
    *(nn.BatchNorm1d, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU),
    *(nn.Hardswish, nn.Tanh, nn.Sigmoid, nn.PReLU, nn.Mish),
)


def take_off_head(
    model: nn.Module, classifier: str | None, input_size: Sequence[int]
) -> tuple[nn.Module | None, dict[str, str]]:
    """Make a network return pooled features (N, D) in place of class scores.

    The head of a timm network is known by timm's interface. Of others it is what makes the
    output in a pass over example images; see :func:`acrank.zoo.heads.ending.find_ending`.

    Args:
        model: changed in place.
        classifier: name of its head; None where that is to be found out.
        input_size: (channels, height, width) of an image.

    Returns:
        The source's classifier as :func:`source_head` gives it, and flags of the model.

    Raises:
        ModelError: there is no module of that name.
    """
    ending = None if _is_timms(model) else find_ending(model, input_size)
    if ending is None or (classifier and not _is_in(ending.head, classifier)):
        head = source_head(model, classifier)
        remove_head(model, classifier)
        unclear = ""
    else:
        model.register_forward_hook(as_vectors)
        head, unclear = _take_off(model, classifier, ending, input_size)
    flags = {}
    if unclear:
        flags[OUTPUTS] = f"no head to take off: {unclear}"
    if ending is not None and ending.chosen:
        flags[CHOSEN] = ending.chosen
    if ending is not None and ending.writes:
        model.register_forward_pre_hook(_copy)
    return head, flags


def head_name(model: nn.Module, input_size: Sequence[int]) -> str | None:
    """The name of a network's head if only a pass tells it; None if it is known or there is none.

    Args:
        model: the whole network, on any device; is set to evaluation mode.
        input_size: (channels, height, width) of an image.
    """
    if _is_timms(model) or find_head(model, None) is not None:
        return None
    return find_head_name(model, input_size)


def find_head_name(model: nn.Module, input_size: Sequence[int]) -> str | None:
    """The name of what makes a network's output, told by a pass; None if there is none.

    Args:
        model: as for :func:`head_name`.
        input_size: (channels, height, width) of an image.
    """
    ending = find_ending(model, input_size)
    return None if ending is None else next(_widest_first(model, ending.head), None)


def _is_timms(model: nn.Module) -> bool:
    """Tell whether the network is of a class of timm's own, whose interface can be trusted."""
    return type(model).__module__.startswith("timm.") and hasattr(model, "get_classifier")


def _is_in(name: str, whole: str) -> bool:
    """Tell by their names whether a module is another one, or inside it."""
    return name == whole or name.startswith(f"{whole}.")


def _take_off(
    model: nn.Module, classifier: str | None, ending: Ending, input_size: Sequence[int]
) -> tuple[nn.Module | None, str]:
    """Take off what makes a network's output, if the rest runs without it.

    Returns:
        The source's classifier, and why the outputs may be class scores; empty if they are not.
    """
    for name in [classifier] if classifier else _widest_first(model, ending.head):
        head, found = source_head(model, name), model.get_submodule(name)
        stand_in, handles = nn.Identity(), []
        if not ending.bare:
            handles = _Taken().watch(stand_in, model)
        _put(model, found, stand_in)
        if gives_vectors(model, input_size):
            return head, ""
        _put(model, stand_in, found)
        for handle in handles:
            handle.remove()
    if ending.head:
        return None, f"the outputs are taken as features; what follows {ending.head} needs them"
    return None, ending.unclear


class _Taken:
    """Hooks that give the input of a head in place of what a network makes of it."""

    def __init__(self) -> None:
        self.taken: list[torch.Tensor] = []

    def watch(self, stand_in: nn.Module, model: nn.Module) -> list[Any]:
        """Add hooks to what stands in the head's place and to the network; returns handles."""
        first = stand_in.register_forward_hook(self._take)
        return [first, model.register_forward_hook(self._give, prepend=True)]

    def _take(self, module: nn.Module, args: object, output: torch.Tensor) -> None:
        self.taken = [output]

    def _give(self, module: nn.Module, args: object, output: object) -> object:
        taken, self.taken = self.taken, []
        return taken[0] if taken and not isinstance(output, Maps) else output


def _widest_first(model: nn.Module, name: str) -> Iterator[str]:
    """The stack of linear layers that a network's last one ends, if there is one, and that one."""
    if not name:
        return
    above = name.rpartition(".")[0]
    stack = model.get_submodule(above)
    if above and isinstance(stack, nn.Sequential) and stack[-1] is model.get_submodule(name):
        layers = list(stack)
        linear = sum(isinstance(layer, nn.Linear) for layer in layers)
        is_stack = linear > 1 and all(isinstance(layer, _IN_A_STACK) for layer in layers)
        inside = set(stack.parameters())
        if is_stack and any(parameter not in inside for parameter in model.parameters()):
            yield above
    yield name


def _put(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Put a module wherever another one is."""
    for parent in model.modules():
        for name, child in parent._modules.items():
            if child is old:
                parent._modules[name] = new


def _copy(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give a network a copy of the images that it would change: others need them as they are."""
    return tuple(value.clone() if isinstance(value, torch.Tensor) else value for value in args)
