"""How images are prepared for a network: timm's description, with the entry's own on top."""

from typing import Any

import timm.data
from torch import nn

from acrank.common.visible import brief
from acrank.errors import ModelError
from acrank.zoo.entries import LARGEST_SIDE, ZooEntry


def data_config(entry: ZooEntry, model: nn.Module) -> dict[str, Any]:
    """What timm's ``resolve_data_config`` gives, with what the entry says in its place.

    Args:
        entry: its ``input_size``, ``in_chans``, ``mean`` and ``std`` go first.
        model: its ``pretrained_cfg`` is asked for the rest; ImageNet's where it has none.

    Raises:
        ModelError: the input size is none, or larger than any image would be made.
    """
    known = getattr(model, "pretrained_cfg", None) or {}
    resolve: Any = timm.data.resolve_data_config  # type: ignore[attr-defined, unused-ignore]
    config: dict[str, Any] = resolve(pretrained_cfg=known, model=model)
    channels, *size = _checked(entry.input_size or config["input_size"])
    channels = entry.in_chans or channels
    config["input_size"] = (channels, *size)
    config["mean"] = _per_channel(entry.mean or config["mean"], channels)
    config["std"] = _per_channel(entry.std or config["std"], channels)
    return config


def _checked(size: Any) -> tuple[int, ...]:
    """The size that a model folder's config.json says may be anything."""
    whole = isinstance(size, list | tuple) and all(type(side) is int for side in size)
    if whole and len(size) == 3 and min(size) > 0 and max(size) <= LARGEST_SIDE:
        return tuple(size)
    raise ModelError(
        f"The network's input size is {brief(size)}.",
        hint=f"It takes [channels, height, width] of at most {LARGEST_SIDE}; set input_size.",
    )


def _per_channel(values: Any, channels: int) -> tuple[float, ...]:
    """One number for each channel; a network made for fewer or more gets the mean of them."""
    numbers = tuple(float(value) for value in values)
    return numbers if len(numbers) == channels else (sum(numbers) / len(numbers),) * channels
