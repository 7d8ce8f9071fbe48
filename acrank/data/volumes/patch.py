"""Place a patch in a volume, and read its voxels at another spacing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acrank.data.segmentation.classmap import IGNORE
from acrank.data.volumes.intensity import Intensities
from acrank.data.volumes.settings import Size

Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Grid:
    """The voxels of a patch, in those of its volume.

    Attributes:
        size: of the patch.
        start: index of the patch's first voxel along each axis; may lie outside the volume.
        step: from one voxel of the patch to the next.
    """

    size: Size
    start: tuple[float, float, float]
    step: tuple[float, float, float]

    def along(self, axis: int) -> npt.NDArray[np.float64]:
        """Indices into the volume along an axis, not whole."""
        steps = np.arange(self.size[axis], dtype=np.float64)
        return np.float64(self.start[axis]) + np.float64(self.step[axis]) * steps


def place_patch(
    labels: Labels, size: Size, step: tuple[float, float, float], wanted: int, seed: int
) -> Grid:
    """Choose where a patch lies: around a voxel of some class, inside the volume if it fits.

    Args:
        labels: indices of the foreground's classes, in their order; ``IGNORE`` elsewhere.
        size: of the patch.
        step: see :class:`Grid`.
        wanted: the class whose turn it is; the next one that the volume has is taken, and any
            voxel where it has none.
        seed: of the choice.
    """
    generator = np.random.default_rng(seed)
    present = np.unique(labels[labels != IGNORE])
    if len(present):
        found = np.flatnonzero(labels == present[np.searchsorted(present, wanted) % len(present)])
        place = int(found[generator.integers(len(found))])
    else:
        place = int(generator.integers(labels.size))
    centre = np.unravel_index(place, labels.shape)
    return patch_around([int(middle) for middle in centre], labels.shape, size, step)


def patch_around(
    centre: Sequence[int],
    sides: Sequence[int],
    size: Size,
    step: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Grid:
    """A patch around a voxel, inside the volume if it fits.

    Args:
        centre: index of the voxel.
        sides: of the volume, in its voxels.
        size: of the patch.
        step: see :class:`Grid`.
    """
    x, y, z = (
        first_index(middle, side, many, by)
        for middle, side, many, by in zip(centre, sides, size, step, strict=True)
    )
    return Grid(size, (x, y, z), step)


def whole_grid(sides: Size, step: tuple[float, float, float]) -> Grid:
    """All of a volume, in as many voxels of about a step as cover it.

    Args:
        sides: of the volume, in its voxels.
        step: see :class:`Grid`; that of the result is one that fits.
    """
    many = [max(1, round(side / by)) for side, by in zip(sides, step, strict=True)]
    x, y, z = (side / count for side, count in zip(sides, many, strict=True))
    i, j, k = many
    return Grid((i, j, k), ((x - 1) / 2, (y - 1) / 2, (z - 1) / 2), (x, y, z))


def first_index(middle: int, side: int, many: int, step: float) -> float:
    """The first index of a patch around a voxel, along one axis.

    Args:
        middle: index of the voxel.
        side: of the volume, in its voxels.
        many: voxels of the patch.
        step: see :class:`Grid`.
    """
    reach = (many - 1) * step
    last = side - 1 - reach
    if last <= 0:  # the volume ends before the patch does: both are centred
        return last / 2 if step != 1 else float(np.floor(last / 2))
    start = min(max(middle - reach / 2, 0.0), last)
    return float(np.floor(start)) if step == 1 else start


def cut_image(voxels: Intensities, grid: Grid) -> Intensities:
    """The voxels of a patch, interpolated linearly; 0 outside the volume.

    Args:
        voxels: (X, Y, Z).
        grid: of the patch.
    """
    from scipy import ndimage  # takes long, and other data do not need it

    cut: Intensities = ndimage.affine_transform(
        voxels, grid.step, grid.start, grid.size, order=1, mode="nearest"
    )
    for axis, side in enumerate(voxels.shape):
        np.moveaxis(cut, axis, 0)[_outside(grid.along(axis), side)] = 0
    return cut


def cut_labels(labels: Labels, grid: Grid) -> Labels:
    """The nearest labels of a patch's voxels; ``IGNORE`` outside the volume.

    Args:
        labels: (X, Y, Z).
        grid: of the patch.
    """
    places = [
        np.floor(grid.along(axis) + 0.5).astype(np.int64).clip(0, side - 1)
        for axis, side in enumerate(labels.shape)
    ]
    cut: Labels = labels[np.ix_(*places)]
    for axis, side in enumerate(labels.shape):
        np.moveaxis(cut, axis, 0)[_outside(grid.along(axis), side)] = IGNORE
    return cut


def _outside(indices: npt.NDArray[np.float64], side: int) -> npt.NDArray[np.bool_]:
    """Find the indices that lie in none of the voxels along an axis."""
    return (indices < -0.5) | (indices > side - 0.5)
