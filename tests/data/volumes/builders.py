"""Small datasets of volumes for the tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt

SIZE = (20, 18, 17)
Array = npt.NDArray[Any]


def save(path: Path, voxels: Array, affine: Array | None = None) -> Path:
    """Write a NIfTI file; without an affine, voxels are of 1 mm, along RAS."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image: Any = nibabel.Nifti1Image(voxels, np.eye(4) if affine is None else affine)
    nibabel.save(image, path)
    return path


def noise(seed: int, size: Sequence[int] = SIZE) -> Array:
    """A volume of noise."""
    return np.random.default_rng(seed).normal(100, 20, size).astype(np.float32)


def box(values: Sequence[int], size: Sequence[int] = SIZE) -> Array:
    """Labels: 0, and one cube of four voxels a side for each value, from one corner on."""
    labels = np.zeros(size, dtype=np.uint8)
    for place, value in enumerate(values):
        start = 4 * place
        labels[start : start + 4, 2:6, 3:7] = value
    return labels


def fill(
    root: Path,
    cases: Mapping[str, Sequence[int]],
    folders: tuple[str, str] = ("images", "labels"),
    affine: Array | None = None,
) -> Path:
    """Write one volume of noise for each case, and labels of boxes of the values given."""
    for number, (name, values) in enumerate(cases.items()):
        save(root / folders[0] / f"{name}.nii.gz", noise(number), affine)
        save(root / folders[1] / f"{name}.nii.gz", box(values), affine)
    return root
