"""Draw the pixels that scores of features see: the same ones for every network."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor


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
