from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from acrank.data.volumes.nifti import VolumeError, read_nifti

from .builders import noise, save


def rewritten(path: Path, **fields: Any) -> None:
    """Change fields of a header in place."""
    header = nibabel.load(path).header.copy()
    header["vox_offset"] = 352
    for name, value in fields.items():
        header[name] = value
    with path.open("r+b") as file:
        file.write(header.binaryblock)


def test_axes_are_turned_to_right_front_and_head(tmp_path: Path) -> None:
    voxels = noise(0, (4, 5, 6))
    plain = read_nifti(save(tmp_path / "a.nii.gz", voxels, np.diag([1, 2, 3, 1])))
    np.testing.assert_array_equal(plain.voxels, voxels)
    image = nibabel.Nifti1Image(voxels, np.diag([1, 2, 3, 1]))
    for axes in ("LPS", "SRA", "PIR"):
        turns = nibabel.orientations.axcodes2ornt(tuple(axes))
        nibabel.save(image.as_reoriented(turns), tmp_path / "b.nii")
        found = read_nifti(tmp_path / "b.nii")
        assert found.spacing == (1, 2, 3)
        np.testing.assert_array_equal(found.voxels, voxels)
        np.testing.assert_allclose(found.affine, plain.affine)


def test_slope_and_intercept_count(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", np.full((3, 3, 3), 5, dtype=np.int16))
    rewritten(path, scl_slope=2, scl_inter=-10)
    assert np.unique(read_nifti(path, dtype=np.float32).voxels).tolist() == [0]
    assert np.unique(read_nifti(path).voxels).tolist() == [0]


@pytest.mark.parametrize("number", [0, np.nan])
def test_a_geometry_without_volume(tmp_path: Path, number: float) -> None:
    path = save(tmp_path / "a.nii", noise(0, (4, 4, 4)))
    rewritten(path, sform_code=1, qform_code=0, srow_x=[number] * 4)
    with pytest.raises(VolumeError, match="its affine maps voxels to no volume"):
        read_nifti(path)


def test_a_header_that_claims_too_much(tmp_path: Path) -> None:
    path = save(tmp_path / "a.nii", noise(0, (4, 4, 4)))
    rewritten(path, dim=[3, 20000, 20000, 20000, 1, 1, 1, 1])
    with pytest.raises(VolumeError, match="more than any scan has"):
        read_nifti(path)
