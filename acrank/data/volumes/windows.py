"""Lay several patches over a volume: where they lie, which voxels count, which are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from acrank.data.segmentation.classmap import IGNORE
from acrank.data.volumes.intensity import Intensities
from acrank.data.volumes.patch import Grid, Labels, first_index
from acrank.data.volumes.settings import Size

# What neighbouring patches share of a side, as in MONAI's inference.
OVERLAP = 0.25
# Relative: less than that of a voxel beyond the last patch is rounding, and needs none more.
_ROUNDING = 1e-6


class Windows(NamedTuple):
    """The patches of one volume that scores of features see.

    Attributes:
        images: float32 (W, C, X, Y, Z).
        masks: uint8 (W, X, Y, Z); where patches overlap, the class is in one of them, and the
            others have 255.
    """

    images: Intensities
    masks: Labels

    def __len__(self) -> int:
        return len(self.masks)


def sliding_windows(sides: Size, size: Size, step: tuple[float, float, float]) -> list[Grid]:
    """The patches that cover a volume, as MONAI's sliding windows do; see ``OVERLAP``.

    The last of each axis is moved back to the volume's end. Where the volume is smaller than the
    patch, both are centred.

    Args:
        sides: of the volume, in its voxels.
        size: of the patch.
        step: from one voxel of the patch to the next, in those of the volume.
    """
    x, y, z = (_starts(*axis) for axis in zip(sides, size, step, strict=True))
    return [Grid(size, (i, j, k), step) for i in x for j in y for k in z]


def _starts(side: int, many: int, step: float) -> list[float]:
    """First indices of the patches along one axis."""
    beyond = (side - 1) / step + 1 - many
    if beyond <= _ROUNDING:
        return [first_index(0, side, many, step)]
    stride = int(many * (1 - OVERLAP))
    count = math.ceil(beyond / stride - _ROUNDING) + 1
    return [min(number * stride, beyond) * step for number in range(count)]


def part_overlaps(masks: Labels, grids: Sequence[Grid]) -> None:
    """Leave each voxel to the one patch whose middle it is nearest to, in sides of a patch.

    Elsewhere it becomes ``IGNORE``. Of patches as near the first has it. Each patch is compared
    with its neighbours alone, in the voxels that both have.

    Args:
        masks: of the patches (W, X, Y, Z); they are written to.
        grids: where each lies, all of one size and step.
    """
    if not grids:
        return
    starts = np.array([grid.start for grid in grids])
    reach = (np.array(grids[0].size) - 1 + 2 * _ROUNDING) * np.array(grids[0].step)
    for own, mask in enumerate(masks):
        ours = _squares(grids[own], grids[own])
        near = (np.abs(starts - starts[own]) <= reach).all(axis=1)
        for other in np.flatnonzero(near).tolist():
            theirs = _squares(grids[own], grids[other])
            shared = tuple(_inside(along) for along in theirs)
            if other == own or any(part.start == part.stop for part in shared):
                continue
            distance = _sum(*(along[part] for along, part in zip(ours, shared, strict=True)))
            nearer = _sum(*(along[part] for along, part in zip(theirs, shared, strict=True)))
            lost = nearer <= distance if other < own else nearer < distance
            mask[shared][lost] = IGNORE


def _squares(grid: Grid, other: Grid) -> list[npt.NDArray[np.float64]]:
    """Squared distances of a patch's voxels from another's middle, in its sides, along each axis.

    They are infinite for voxels that the other patch does not have.
    """
    squares = []
    for axis, (start, step, side) in enumerate(
        zip(other.start, other.step, other.size, strict=True)
    ):
        along = (grid.along(axis) - start) / step - (side - 1) / 2
        inside = np.abs(along) <= (side - 1) / 2 + _ROUNDING
        squares.append(np.where(inside, (along / side) ** 2, np.inf))
    return squares


def _inside(along: npt.NDArray[np.float64]) -> slice:
    """The voxels of an axis that two patches share: they follow one another."""
    places = np.flatnonzero(np.isfinite(along))
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0)


def _sum(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], z: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Squared distances in space (X, Y, Z), of those along the axes."""
    total: npt.NDArray[np.float64] = x[:, None, None] + y[None, :, None] + z[None, None, :]
    return total


def worth_keeping(masks: Labels, foreground: Sequence[int], seed: int) -> list[int]:
    """The patches with foreground, and at random as many without it, or one.

    Args:
        masks: of the patches (W, X, Y, Z), parted by :func:`part_overlaps`.
        foreground: its classes.
        seed: of the choice.

    Returns:
        Their indices, ascending. Those in which all is ignored are left out, but for the first
        one where there is nothing else.
    """
    known = np.flatnonzero([(mask != IGNORE).any() for mask in masks])
    if not len(known):
        return [0]
    held = [int(row) for row in known if np.isin(masks[row], foreground).any()]
    rest = np.random.default_rng(seed).permutation(np.setdiff1d(known, held))
    return sorted([*held, *rest[: max(1, len(held))].tolist()])
