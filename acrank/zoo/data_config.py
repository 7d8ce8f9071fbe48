"""How images are prepared for a network: timm's description, with the entry's own on top."""

from typing import Any

import timm.data
from torch import nn

from acrank.zoo.entries import ZooEntry


def data_config(entry: ZooEntry, model: nn.Module) -> dict[str, Any]:
    """What timm's ``resolve_data_config`` gives, with what the entry says in its place.

    Args:
        entry: its ``input_size``, ``in_chans``, ``mean`` and ``std`` go first.
        model: its ``pretrained_cfg`` is asked for the rest; ImageNet's where it has none.
    """
    known = getattr(model, "pretrained_cfg", None) or {}
    resolve: Any = timm.data.resolve_data_config  # type: ignore[attr-defined, unused-ignore]
    config: dict[str, Any] = resolve(pretrained_cfg=known, model=model)
    channels, *size = entry.input_size or config["input_size"]
    channels = entry.in_chans or channels
    config["input_size"] = (channels, *size)
    config["mean"] = _per_channel(entry.mean or config["mean"], channels)
    config["std"] = _per_channel(entry.std or config["std"], channels)
    return config


def _per_channel(values: Any, channels: int) -> tuple[float, ...]:
    """One number for each channel; a network made for fewer or more gets the mean of them."""
    numbers = tuple(float(value) for value in values)
    return numbers if len(numbers) == channels else (sum(numbers) / len(numbers),) * channels
