"""Make batches of patches: drawn anew each epoch for training, or the same each time."""

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
from acrank.finetuning.volumes.data import LabelledVolumes

# Intensities are scaled by up to a share, and shifted by up to a share of their deviation.
SCALE, SHIFT = 0.1, 0.1

LabelledPatch = tuple[Intensities, Labels]


class TrainingVolumes(Shuffled[LabelledVolumes]):
    """Training batches of one patch of each volume in an epoch.

    A patch lies around a voxel of each foreground class in turn, then around any voxel.
    Volumes begin with different classes, by their row; each epoch goes on to the next. Of the
    preprocessing, channels, mean and deviation count; augment is ``light`` or ``none``.
    """

    number = 0

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of an epoch.

        Args:
            number: number of the epoch, from 0 on.
        """
        self.number = number
        yield from super().epoch(number)

    def batch(self, rows: Tensor) -> Batch:
        """Return patches and labels of some rows."""
        draw = np.random.default_rng(int(torch.randint(2**62, ())))
        patches = [patch_of(self.data, row, self.number + row, draw) for row in rows.tolist()]
        if self.batching.augment != "none":
            patches = [varied(*patch, draw, flip=self.batching.flip) for patch in patches]
        return _prepared(self.data, patches, self.batching.preprocessing, self.batching.device)


def patch_of(
    volumes: LabelledVolumes, row: int, turn: int, draw: np.random.Generator
) -> LabelledPatch:
    """Cut a patch of a volume.

    Args:
        volumes: all volumes.
        row: row of the volume.
        turn: number that chooses the class of the voxel in the middle; the last choice is any
            voxel, and so is a class that the volume does not have.
        draw: generator that chooses the voxel.
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
) -> LabelledPatch:
    """Change a patch's intensities a little; with ``flip``, maybe mirror it from left to right."""
    if draw.integers(2) and flip:
        image, labels = image[:, ::-1], labels[::-1]
    scale, shift = (np.float32(draw.uniform(-most, most)) for most in (SCALE, SHIFT))
    return image * (1 + scale) + shift, labels


def plain_patches(
    volumes: LabelledVolumes,
    preprocessing: Preprocessing,
    batch_size: int,
    seed: int,
    device: torch.device,
) -> Iterator[Batch]:
    """Yield a patch of each volume in order, the same each time.

    Args:
        volumes: all volumes.
        preprocessing: preprocessing of the network.
        batch_size: patches in a batch.
        seed: seed of the places.
        device: device of the batches.
    """
    for start in range(0, len(volumes), batch_size):
        rows = range(start, min(start + batch_size, len(volumes)))
        patches = [patch_of(volumes, row, row, np.random.default_rng([seed, row])) for row in rows]
        yield _prepared(volumes, patches, preprocessing, device)


def _prepared(
    volumes: LabelledVolumes,
    patches: list[LabelledPatch],
    preprocessing: Preprocessing,
    device: torch.device,
) -> Batch:
    images, labels = zip(*patches, strict=True)
    return volumes.prepared(images, labels, preprocessing, device)
