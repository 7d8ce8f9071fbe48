"""Batches of patches: drawn anew each epoch to train on, the same each time to look at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from acrank.data import Preprocessing
from acrank.data.volumes.intensity import Intensities
from acrank.data.volumes.patch import Labels, cut_image, cut_labels, patch_around
from acrank.finetuning.images import Shuffled
from acrank.finetuning.objective import Batch
from acrank.finetuning.volumes.data import Volumes

# How much intensities are scaled, and shifted in standard deviations of the volume.
SCALE, SHIFT = 0.1, 0.1

Patch = tuple[Intensities, Labels]


class TrainingVolumes(Shuffled[Volumes]):
    """A patch of each volume an epoch, around a voxel of each foreground class and any in turn.

    Volumes begin with different ones, by their row; each epoch goes on to the next. Of the
    preprocessing, channels, mean and deviation count; augment is ``light`` or ``none``.
    """

    number = 0

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch.

        Args:
            number: of the epoch, from 0 on.
        """
        self.number = number
        yield from super().epoch(number)

    def batch(self, rows: Tensor) -> Batch:
        """Patches and labels of some rows."""
        draw = np.random.default_rng(int(torch.randint(2**62, ())))
        patches = [patch_of(self.data, row, self.number + row, draw) for row in rows.tolist()]
        if self.augment != "none":
            patches = [varied(*patch, draw, flip=self.flip) for patch in patches]
        return _prepared(self.data, patches, self.preprocessing, self.device)


def patch_of(volumes: Volumes, row: int, turn: int, draw: np.random.Generator) -> Patch:
    """Cut a patch of a volume.

    Args:
        volumes: of which it is one.
        row: which.
        turn: chooses the class around a voxel of which it lies, or, last, any voxel; so it does
            where the volume does not have the class.
        draw: chooses the voxel.
    """
    item = volumes.items[row]
    turns = (*volumes.foreground, None)
    wanted = turns[turn % len(turns)]
    centre = draw.integers(item.labels.shape)
    if wanted in item.places:
        places = item.places[wanted]
        centre = places[draw.integers(len(places))]
    grid = patch_around(centre.tolist(), item.labels.shape, volumes.patch)
    image = np.stack([cut_image(channel, grid) for channel in item.image])
    return image, cut_labels(item.labels, grid)


def varied(
    image: Intensities, labels: Labels, draw: np.random.Generator, *, flip: bool = True
) -> Patch:
    """Change a patch's intensities a little; with ``flip``, maybe mirror it from left to right."""
    if draw.integers(2) and flip:
        image, labels = image[:, ::-1], labels[::-1]
    scale, shift = (np.float32(draw.uniform(-most, most)) for most in (SCALE, SHIFT))
    return image * (1 + scale) + shift, labels


def plain_patches(
    volumes: Volumes,
    preprocessing: Preprocessing,
    batch_size: int,
    seed: int,
    device: torch.device,
) -> Iterator[Batch]:
    """A patch of each volume in order, the same each time.

    Args:
        volumes: them.
        preprocessing: of the network.
        batch_size: patches in a batch.
        seed: of the places.
        device: where batches go.
    """
    for start in range(0, len(volumes), batch_size):
        rows = range(start, min(start + batch_size, len(volumes)))
        patches = [patch_of(volumes, row, row, np.random.default_rng([seed, row])) for row in rows]
        yield _prepared(volumes, patches, preprocessing, device)


def _prepared(
    volumes: Volumes, patches: list[Patch], preprocessing: Preprocessing, device: torch.device
) -> Batch:
    images, labels = zip(*patches, strict=True)
    return volumes.prepared(images, labels, preprocessing, device)
