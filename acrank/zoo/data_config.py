"""Tell how images are prepared for a network: its source's description, then the entry's own."""

from typing import Any

import timm.data
from torch import nn

from acrank.errors import ModelError
from acrank.utils.visible import brief
from acrank.zoo.entries import LARGEST_SIDE, ZooEntry
from acrank.zoo.sources.registry import source_of

# Of volumes, where an entry does not say: as large as patches are by default.
USUAL_VOLUME = (96, 96, 96)


def data_config(entry: ZooEntry, model: nn.Module) -> dict[str, Any]:
    """Return timm's ``resolve_data_config``, overridden by what the entry says.

    A network of volumes takes the channels of its first convolution, and voxels as they are.

    Args:
        entry: its ``input_size``, ``in_chans``, ``mean`` and ``std`` go first, and before them
            the ``image_size`` that a run asks for.
        model: its source is asked for the rest; ImageNet's where that does not know.

    Raises:
        ModelError: the input size is none, or larger than any image would be made, or the network
            takes volumes and the run is on images of some size.
    """
    known = source_of(entry).preprocessing(entry, model) or _of_volumes(model)
    resolve: Any = timm.data.resolve_data_config  # type: ignore[attr-defined, unused-ignore]
    config: dict[str, Any] = resolve(pretrained_cfg=known, model=model)
    channels, *size = _checked(entry.input_size or config["input_size"])
    channels = entry.in_chans or channels
    if entry.image_size:
        if len(size) != 2:
            raise ModelError("The network takes volumes, and the run is on images.")
        size = [entry.image_size] * 2
    config["input_size"] = (channels, *size)
    if len(size) == 3:
        config["mean"], config["std"] = known.get("mean", (0.0,)), known.get("std", (1.0,))
    config["mean"] = _per_channel(entry.mean or config["mean"], channels)
    config["std"] = _per_channel(entry.std or config["std"], channels)
    return config


def _of_volumes(model: nn.Module) -> dict[str, Any]:
    """Return the settings of a network whose first convolution is 3-D; empty for others."""
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    first = next((module for module in model.modules() if isinstance(module, kinds)), None)
    if not isinstance(first, nn.Conv3d):
        return {}
    return {"input_size": (first.in_channels, *USUAL_VOLUME)}


def _checked(size: Any) -> tuple[int, ...]:
    """The size that a model folder's config.json says may be anything."""
    whole = isinstance(size, list | tuple) and all(type(side) is int for side in size)
    if whole and len(size) in (3, 4) and min(size) > 0 and max(size) <= LARGEST_SIDE:
        return tuple(size)
    raise ModelError(
        f"The network's input size is {brief(size)}.",
        hint=f"It takes [channels, height, width] of at most {LARGEST_SIDE}; set input_size.",
    )


def _per_channel(values: Any, channels: int) -> tuple[float, ...]:
    """One number for each channel; a network made for fewer or more gets the mean of them."""
    numbers = tuple(float(value) for value in values)
    return numbers if len(numbers) == channels else (sum(numbers) / len(numbers),) * channels
