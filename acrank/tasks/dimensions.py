"""Tell networks of images from networks of volumes."""

from __future__ import annotations

from torch import nn

from acrank.errors import ModelError

_KINDS = {2: "images", 3: "volumes"}


def dimensions_of(model: nn.Module) -> int:
    """Dimensions of what a network takes, by its first convolution; 0 where it has none."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            return 3 if isinstance(module, nn.Conv3d) else 2
    return 0


def require_dimensions(model: nn.Module, dimensions: int) -> None:
    """Refuse a network of images for volumes, and the other way round.

    Args:
        model: the network.
        dimensions: of the data.

    Raises:
        ModelError: it is one.
    """
    found = dimensions_of(model)
    if found not in (0, dimensions):
        raise ModelError(
            f"it is a network for {_KINDS[found]} ({found}-D); the data are {_KINDS[dimensions]} "
            f"({dimensions}-D).",
            hint="Leave the model out.",
        )
