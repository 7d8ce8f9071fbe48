"""Batches of the further patches of volumes that scores of features see."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from acrank.data.base import seed_of_batch
from acrank.data.preprocess import Preprocessing
from acrank.data.segmentation.classmap import IGNORE
from acrank.data.segmentation.pixels import boundaries, sample_boundaries, sample_pixels
from acrank.data.volumes.sample import VolumeSample


class _Window(NamedTuple):
    """A patch that holds voxels which are drawn.

    Attributes:
        volume: of the sample.
        number: of the patch among those of the volume.
        places: of the voxels in the flattened patch.
    """

    volume: int
    number: int
    places: NDArray[np.int64]


class WindowBatches:
    """Batches of patches for :func:`acrank.scoring.extract.extract`.

    Voxels are drawn from all the patches of a volume together, as many of each class as without
    further patches of its one. All others are ignored, and patches that hold none are left out:
    the network does not see them.

    Args:
        sample: with further patches.
        preprocessing: of the network.
        pixels: of a class and a volume, at most.
        seed: of the draw.
        device: where to put the batches.

    Attributes:
        volumes: of the patches in the order of the batches, int64; places in the sample.
    """

    def __init__(
        self,
        sample: VolumeSample,
        preprocessing: Preprocessing,
        pixels: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.sample = sample
        self.preprocessing = preprocessing
        self.device = device
        self.seed = seed
        self.at_once = max(len(rows) for rows in sample.batches)
        self._drawn = list(_draw(sample, pixels, seed))
        self.volumes = np.array([window.volume for window in self._drawn], dtype=np.int64)

    def __len__(self) -> int:
        return -(-len(self._drawn) // self.at_once)

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        """Images (N, C, X, Y, Z) and masks (N, X, Y, Z) of batch number ``index``."""
        images, masks = [], []
        for window in self._drawn[index * self.at_once :][: self.at_once]:
            there = self.sample.windows[window.volume]
            labels = there.masks[window.number]
            drawn = np.full_like(labels, IGNORE)
            drawn.flat[window.places] = labels.flat[window.places]
            images.append(there.images[window.number])
            masks.append(drawn)
        given = (np.stack(images), np.stack(masks), self.preprocessing)
        return self.sample.prepared(*given, device=self.device)

    def edges(self, index: int) -> Tensor:
        """Labels on boundaries (N, X, Y, Z) of batch number ``index``, -1 elsewhere.

        They are drawn from the boundaries within the patches that the network sees, those of a
        volume together.
        """
        return self._edges[index * self.at_once :][: self.at_once].to(self.device)

    @cached_property
    def _edges(self) -> Tensor:
        masks = [self.sample.windows[window.volume].masks[window.number] for window in self._drawn]
        edges = boundaries(_known(np.stack(masks)))
        volumes = [np.flatnonzero(self.volumes == volume) for volume in np.unique(self.volumes)]
        owners, places = sample_boundaries((edges[rows] for rows in volumes), self.seed)
        chosen = torch.zeros(edges.shape, dtype=torch.bool)
        flat, voxels = chosen.view(len(edges), -1), int(np.prod(self.sample.patch))
        for number, rows in enumerate(volumes):
            found = places[owners == number]
            flat[torch.from_numpy(rows)[found // voxels], found % voxels] = True
        return torch.where(chosen, edges, -1)


def _draw(sample: VolumeSample, pixels: int, seed: int) -> Iterator[_Window]:
    """The patches of a sample with what is drawn of each, volume by volume."""
    voxels = int(np.prod(sample.patch))
    for index, rows in enumerate(sample.batches):
        labels = (_labels(sample, row) for row in rows)
        volumes, places = sample_pixels(labels, pixels, seed_of_batch(seed, index))
        for place, row in enumerate(rows):
            found = places[volumes == place].numpy()
            for number in np.unique(found // voxels):
                inside = found[found // voxels == number] % voxels
                yield _Window(int(row), int(number), inside)


def _labels(sample: VolumeSample, row: int) -> Tensor:
    """Classes of the voxels in all patches of a volume; -1 where they are ignored."""
    return _known(sample.windows[row].masks)


def _known(masks: NDArray[np.uint8]) -> Tensor:
    """Classes as whole numbers; -1 where they are ignored."""
    known = masks.astype(np.int16)
    known[masks == IGNORE] = -1
    return torch.from_numpy(known)
