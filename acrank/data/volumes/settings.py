"""Define how volumes become patches: what a user may set, and what is taken otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

# What networks halve their input to, four times.
STRIDE = 16
# Voxels of a side, where volumes are larger.
USUAL_SIDE = 96

Size = tuple[int, int, int]
Spacing = tuple[float, float, float]
Patches = int | Literal["all"]


@dataclass(frozen=True)
class VolumeSettings:
    """A user's settings; axes go from left to right, back to front and foot to head.

    Attributes:
        patch: voxels along each axis, multiples of 16; None for :func:`usual_patch`.
        spacing: of the voxels in mm; None for the median of the dataset.
        window: the lowest and the highest intensity that count; None for percentiles of each
            volume.
        patches: of each volume that scores of features see; ``all`` for as many as cover it.
    """

    patch: Size | None = None
    spacing: Spacing | None = None
    window: tuple[float, float] | None = None
    patches: Patches = 1


def median_spacing(spacings: Sequence[Spacing]) -> Spacing:
    """The median of each axis, in mm, to four digits."""
    x, y, z = (float(f"{value:.4g}") for value in np.median(np.array(spacings), axis=0))
    return x, y, z


def usual_patch(sizes: Sequence[Size], spacings: Sequence[Spacing], spacing: Spacing) -> Size:
    """The patch where none is set: 96 voxels a side, or what fits into the median volume.

    Args:
        sizes: of the volumes in voxels.
        spacings: of the volumes in mm.
        spacing: that they are resampled to.

    Returns:
        Multiples of 16 from 16 to 96.
    """
    resampled = np.array(sizes) * np.array(spacings) / np.array(spacing)
    fitting = np.median(resampled, axis=0).round() // STRIDE * STRIDE
    x, y, z = (int(side) for side in fitting.clip(STRIDE, USUAL_SIDE))
    return x, y, z
