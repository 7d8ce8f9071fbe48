"""Cut the patches that networks see out of a case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from acrank.data import stratify
from acrank.data.checks import Fault, refuse_faults
from acrank.data.imagefile import explain, in_threads
from acrank.data.segmentation.classmap import IGNORE, ClassMap
from acrank.data.segmentation.draw import CHANGED
from acrank.data.volumes.decoded import Decoded, Patch
from acrank.data.volumes.intensity import standardise
from acrank.data.volumes.labels import read_labels
from acrank.data.volumes.nifti import Volume, VolumeError, quiet_nibabel, read_nifti
from acrank.data.volumes.patch import Grid, Labels, place_patch, whole_grid
from acrank.data.volumes.settings import (
    Patches,
    Size,
    Spacing,
    VolumeSettings,
    median_spacing,
    usual_patch,
)
from acrank.data.volumes.target import Case, VolumeTarget
from acrank.data.volumes.windows import sliding_windows

# Relative; the spacings of most volumes differ by rounding alone, and are not to be interpolated.
_SAME = 1e-3


@dataclass(frozen=True)
class Cutter:
    """The settings for cutting patches.

    Attributes:
        class_map: what labels mean.
        patch: its size in voxels.
        spacing: of the voxels in mm.
        window: of the intensities; None for percentiles.
        seed: of the places.
        patches: of each volume for scores of features; see :class:`VolumeSettings`.
    """

    class_map: ClassMap
    patch: Size
    spacing: Spacing
    window: tuple[float, float] | None
    seed: int
    patches: Patches = 1

    @classmethod
    def of(cls, target: VolumeTarget, settings: VolumeSettings, seed: int) -> Cutter:
        """Take what is set, and else what suits the dataset."""
        spacings = [case.spacing for case in target.items]
        spacing = settings.spacing or median_spacing(spacings)
        sizes = [case.size for case in target.items]
        patch = settings.patch or usual_patch(sizes, spacings, spacing)
        given = (target.class_map, patch, spacing, settings.window, seed)
        return cls(*given, settings.patches)

    def cut(self, turn: int, case: Case) -> Patch | Fault:
        """Decode a case and cut its patch, or patches.

        Args:
            turn: the case's place in the order of drawing.
            case: not decoded.
        """
        decoded = self.decode(case)
        if isinstance(decoded, Fault):
            return decoded
        foreground = self._foreground(decoded.labels)
        grid = self._grid(foreground, turn, case)
        patch = decoded.patch(grid)
        if self.patches == 1:
            return patch
        if self.patches == "all":
            grids = sliding_windows(case.size, self.patch, self._steps(case))
        else:
            more = (self._grid(foreground, turn, case, n) for n in range(1, self.patches))
            grids = [grid, *more]
        seed = self._seed(f"windows {case.key}")
        return patch._replace(windows=decoded.windows(grids, self._classes, seed))

    def resample(self, case: Case) -> tuple[Patch, Labels] | Fault:
        """Decode a case and resample all of it; returns its labels in its own voxels too.

        Sides are rounded to whole voxels, which are then a little smaller or larger than set, so
        that they cover exactly what the case's own do.

        Args:
            case: not decoded.
        """
        decoded = self.decode(case)
        if isinstance(decoded, Fault):
            return decoded
        return decoded.patch(whole_grid(case.size, self._steps(case))), decoded.labels

    def decode(self, case: Case) -> Decoded | Fault:
        """Read a case again that was sound when it was checked.

        Args:
            case: not decoded.
        """
        labels = _read(case.label, case, read_labels)
        if isinstance(labels, Fault):
            return labels
        codes = labels.voxels
        if self.class_map.strangers(np.unique(codes).tolist()):
            return _changed(case.label)
        reading = partial(read_nifti, dtype=np.float32)
        images = [_read(path, case, reading) for path in case.images]
        fault = next((image for image in images if isinstance(image, Fault)), None)
        if fault:
            return fault
        volumes = [image for image in images if isinstance(image, Volume)]
        return Decoded(
            [standardise(part, self.window) for image in volumes for part in image.channels],
            self.class_map.indices(codes),
            (labels.digest, *(volume.digest for volume in volumes)),
        )

    @property
    def _classes(self) -> list[int]:
        """List the classes of the foreground."""
        background = self.class_map.background
        return [place for place, code in enumerate(self.class_map.codes) if code != background]

    def _foreground(self, indices: Labels) -> Labels:
        """The labels of a case, where they are of the foreground."""
        return np.where(np.isin(indices, self._classes), indices, np.uint8(IGNORE))

    def _grid(self, foreground: Labels, turn: int, case: Case, number: int = 0) -> Grid:
        """Place a patch of a case: the first, or a further one."""
        wanted = self._classes[(turn + number) % len(self._classes)]
        seed = self._seed(f"patch {case.key}" + f" {number}" * (number > 0))
        return place_patch(foreground, self.patch, self._steps(case), wanted, seed)

    def _seed(self, name: str) -> int:
        return int.from_bytes(stratify.rank(self.seed, name)[:8], "big")

    def _steps(self, case: Case) -> tuple[float, float, float]:
        """Return the step from one resampled voxel to the next, in voxels of a case."""
        x, y, z = (
            1.0 if abs(new / old - 1) < _SAME else new / old
            for new, old in zip(self.spacing, case.spacing, strict=True)
        )
        return x, y, z


def cut_all(name: str, drawn: Sequence[Case], cutter: Cutter) -> list[Patch]:
    """Decode all the cases drawn.

    Args:
        name: of the dataset.
        drawn: in their order.
        cutter: of the patches.

    Raises:
        DataError: some cannot be decoded; it counts them and lists twenty.
    """
    with quiet_nibabel():
        found = in_threads(lambda given: cutter.cut(*given), list(enumerate(drawn)), chunksize=1)
    _refuse(name, found)
    return [each for each in found if isinstance(each, Patch)]


def resample_all(name: str, drawn: Sequence[Case], cutter: Cutter) -> list[tuple[Patch, Labels]]:
    """Decode and resample all the cases drawn; see :meth:`Cutter.resample`.

    Raises:
        DataError: some cannot be decoded; it counts them and lists twenty.
    """
    with quiet_nibabel():
        found = in_threads(cutter.resample, drawn, chunksize=1)
    _refuse(name, found)
    return [each for each in found if not isinstance(each, Fault)]


def _refuse(name: str, found: Sequence[object]) -> None:
    faults = (each for each in found if isinstance(each, Fault))
    refuse_faults(name, len(found), faults, things="cases")


def _read(path: Path, case: Case, reading: Callable[[Path], Volume]) -> Volume | Fault:
    """Read a file again that was sound when it was checked."""
    try:
        volume = reading(path)
    except MemoryError:
        raise
    except VolumeError as error:
        return Fault(str(path), str(error), error.hint)
    except Exception as error:  # nibabel raises nearly every type on damaged input
        return Fault(str(path), explain(error))
    sound = volume.size == case.size and np.isfinite(volume.voxels).all()
    return volume if sound else _changed(path)


def _changed(path: Path) -> Fault:
    return Fault(str(path), "it has changed since it was checked", CHANGED)
