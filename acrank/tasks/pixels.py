"""Turn pixels of a batch into observations: their features at every scale, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from acrank.tasks.readout import Observations


def observe_pixels(
    maps: Sequence[Tensor], labels: Tensor, images: Tensor, places: Tensor
) -> Observations:
    """The features of pixels at every scale, side by side: hypercolumns.

    Hariharan, Arbelaez, Girshick and Malik, "Hypercolumns for object segmentation and
    fine-grained localization", CVPR 2015 (arXiv 1411.5752).

    Args:
        maps: of a batch, (N, D, *T) each, any scale.
        labels: classes of pixels (N, *S).
        images: the image of each pixel (P,), ascending.
        places: its place in the flattened image (P,).
    """
    columns = [at_places(features, labels.shape[1:], images, places) for features in maps]
    flat = labels.flatten(1).cpu()
    return Observations(
        torch.cat(columns, dim=1),
        flat[images, places],
        images,
        tuple(column.shape[1] for column in columns),
    )


def at_places(features: Tensor, size: Sequence[int], images: Tensor, places: Tensor) -> Tensor:
    """Features (N, D, *T) between whose pixels is interpolated linearly, at places: (P, D)."""
    grid = torch.stack(
        [
            (2 * index + 1) / side - 1  # pixel centres, from -1 to 1 over the image
            for index, side in zip(_unravel(places, size), size, strict=True)
        ][::-1],
        dim=1,
    )
    counts = torch.bincount(images, minlength=len(features)).tolist()
    parts = torch.split(grid.to(features), counts)
    around = (1,) * (len(size) - 1)
    found = [
        F.grid_sample(
            one[None],
            part.view(1, *around, -1, len(size)),
            padding_mode="border",
            align_corners=False,
        )
        .reshape(features.shape[1], -1)
        .T
        for one, part in zip(features, parts, strict=True)
    ]
    return torch.cat(found)


def _unravel(places: Tensor, size: Sequence[int]) -> list[Tensor]:
    """Places in a flattened array as indices along each of its axes."""
    indices = []
    for side in reversed(size):
        indices.append((places % side).double())
        places = places // side
    return indices[::-1]
