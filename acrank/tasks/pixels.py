"""Pixels of a batch as observations: the same ones for every network, some of each class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from acrank.tasks.base import Observations


def sample_pixels(labels: Iterable[Tensor], each: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw pixels at random, as many of each class of each image where there are.

    Args:
        labels: classes of the pixels of each image, whole numbers; those below zero are left out.
        each: how many of a class and an image at most.
        seed: of the draw.

    Returns:
        The image of each pixel (P,), ascending, and its place in the flattened image (P,).
    """
    generator = np.random.default_rng(seed)
    images, places = [], []
    for image, pixels in enumerate(labels):
        values = pixels.flatten().cpu().numpy()
        for label in np.unique(values[values >= 0]):
            found = np.flatnonzero(values == label)
            drawn = np.sort(generator.permutation(len(found))[:each])
            places.append(found[drawn])
            images.append(np.full(len(drawn), image))
    whole = [torch.from_numpy(np.concatenate(part).astype(np.int64)) for part in (images, places)]
    return whole[0], whole[1]


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
