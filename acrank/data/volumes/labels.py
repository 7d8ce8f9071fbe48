"""Read the labels of a volume: one whole number a voxel, whatever the header scales them by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from acrank.data.volumes.nifti import Volume, VolumeError, Voxels, read_nifti

LARGEST = 65535
# Relative: a few roundings to single precision, in which headers keep their slopes.
ROUNDING = 2.0**-21

WHOLE = f"Save labels as whole numbers from 0 to {LARGEST}, resampled by their nearest voxel."
_UNSCALED = (
    f"Save labels as whole numbers from 0 to {LARGEST}, with an scl_slope of 1 and an scl_inter "
    "of 0."
)


def read_labels(path: Path) -> Volume:
    """Read labels; what is a whole number up to rounding is taken as one.

    Args:
        path: of the file.

    Returns:
        The volume, whose voxels (X, Y, Z) are integers from 0 to ``LARGEST``.

    Raises:
        VolumeError: they are not one whole number a voxel.
        Exception: whatever nibabel raises on a damaged file.
    """
    volume = read_nifti(path)
    return replace(volume, voxels=_whole(volume))


def _whole(volume: Volume) -> Voxels:
    voxels = volume.voxels
    if voxels.ndim != 3:
        raise VolumeError(f"labels of {voxels.shape[3]} channels, where one is expected", WHOLE)
    values = np.unique(voxels).astype(np.float64)
    if not np.isfinite(values).all():
        raise VolumeError("labels that are not finite numbers", WHOLE)
    nearest = np.rint(values)
    size = np.maximum(np.abs(values), max(1.0, abs(volume.intercept)))
    odd = values[(np.abs(values - nearest) > ROUNDING * size) | (nearest < 0) | (nearest > LARGEST)]
    if len(odd):
        raise _no_labels(odd, volume)
    return voxels if voxels.dtype.kind in "iu" else np.rint(voxels).astype(np.uint16)


def _no_labels(odd: Voxels, volume: Volume) -> VolumeError:
    """Say which values are no labels, in full, and whether the header makes them."""
    first = odd[0].item()
    words = f"{len(odd)} value(s) that are not labels, such as {_in_full(first)}"
    if not volume.scaled:
        return VolumeError(words, WHOLE)
    stored = (first - volume.intercept) / volume.slope
    inter = f" and scl_inter {volume.intercept!r}" if volume.intercept else ""
    makes = "make" if inter else "makes"
    made = f"the header's scl_slope {volume.slope!r}{inter} {makes} it of {stored:g} in the file"
    return VolumeError(f"{words}: {made}", _UNSCALED)


def _in_full(value: float) -> str:
    """All the digits of a number, as rounding would hide what is wrong with it."""
    return str(int(value)) if value.is_integer() else repr(value)
