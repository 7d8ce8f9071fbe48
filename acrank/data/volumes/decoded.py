"""Hold the voxels of a case, and the patches that are cut out of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from acrank.data.volumes.intensity import Intensities
from acrank.data.volumes.patch import Grid, Labels, cut_image, cut_labels
from acrank.data.volumes.windows import Windows, part_overlaps, worth_keeping


class Patch(NamedTuple):
    """A patch in its final size.

    Attributes:
        image: float32 (C, X, Y, Z).
        labels: uint8 (X, Y, Z).
        flat: whether a channel of the volume holds a single value.
        digests: of the files that it is from, the labels' first.
        windows: what scores of features see of its volume; None for the patch itself.
    """

    image: Intensities
    labels: Labels
    flat: bool
    digests: tuple[str, ...]
    windows: Windows | None = None


class Decoded(NamedTuple):
    """A case as it is, its intensities standardised.

    Attributes:
        channels: float32 (X, Y, Z) each.
        labels: class indices, uint8 (X, Y, Z); 255 is to be ignored.
        digests: of its files, the labels' first.
    """

    channels: list[Intensities]
    labels: Labels
    digests: tuple[str, ...]

    @property
    def flat(self) -> bool:
        """Tell whether a channel holds a single value."""
        return not all(channel.any() for channel in self.channels)

    def patch(self, grid: Grid) -> Patch:
        """The voxels of one patch."""
        return Patch(self._image(grid), cut_labels(self.labels, grid), self.flat, self.digests)

    def windows(self, grids: Sequence[Grid], foreground: Sequence[int], seed: int) -> Windows:
        """The voxels of several patches, but for those of little worth.

        Args:
            grids: where they lie.
            foreground: its classes.
            seed: see :func:`acrank.data.volumes.windows.worth_keeping`.
        """
        masks = np.stack([cut_labels(self.labels, grid) for grid in grids])
        part_overlaps(masks, grids)
        kept = worth_keeping(masks, foreground, seed)
        return Windows(np.stack([self._image(grids[row]) for row in kept]), masks[kept])

    def _image(self, grid: Grid) -> Intensities:
        return np.stack([cut_image(channel, grid) for channel in self.channels])
