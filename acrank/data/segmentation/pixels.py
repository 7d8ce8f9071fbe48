"""Draw the pixels that scores of features see: the same ones for every network."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

# Drawn from the boundaries between classes of an image; as many as the authors of LBTC do.
OF_BOUNDARIES = 50


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
    if not images:
        return torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64)
    whole = [torch.from_numpy(np.concatenate(part).astype(np.int64)) for part in (images, places)]
    return whole[0], whole[1]


def boundaries(labels: Tensor) -> Tensor:
    """Labels in which every pixel is ignored but those beside one of another class.

    Args:
        labels: classes of the pixels (N, *S), whole numbers; those below zero are of no class.

    Returns:
        The same for pixels that share a side (of voxels, a face) with one of another class, on
        both sides of the boundary; -1 for all others. The end of an image is no boundary.
    """
    beside = torch.zeros_like(labels, dtype=torch.bool)
    for axis in range(1, labels.ndim):
        before, after = (
            labels.narrow(axis, 0, labels.shape[axis] - 1),
            labels.narrow(axis, 1, labels.shape[axis] - 1),
        )
        differ = (before != after) & (before >= 0) & (after >= 0)
        beside.narrow(axis, 0, labels.shape[axis] - 1).logical_or_(differ)
        beside.narrow(axis, 1, labels.shape[axis] - 1).logical_or_(differ)
    return torch.where(beside, labels, -1)


def sample_boundaries(edges: Iterable[Tensor], seed: int) -> tuple[Tensor, Tensor]:
    """Draw pixels at random from those on the boundaries of each image, whatever their class.

    Args:
        edges: of each image, as :func:`boundaries` gives it.
        seed: of the draw.

    Returns:
        As :func:`sample_pixels`, at most ``OF_BOUNDARIES`` an image.
    """
    return sample_pixels((edge.clamp(max=0) for edge in edges), OF_BOUNDARIES, seed)
