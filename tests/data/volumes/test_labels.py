"""Labels as headers scale them: whole numbers up to rounding, or a message in full."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from acrank.data.volumes import VolumeSettings, draw_volumes, open_volumes
from acrank.data.volumes.labels import read_labels
from acrank.data.volumes.nifti import VolumeError

from .builders import Array, box, fill, save
from .test_nifti import rewritten


def scaled(path: Path, stored: Array, slope: float, inter: float = 0) -> Path:
    """A file of integers whose header scales them."""
    save(path, stored)
    rewritten(path, scl_slope=slope, scl_inter=inter)
    return path


@pytest.mark.parametrize(
    ("stored", "slope", "inter"),
    [
        ([0, 4, 8], 1 / 4, 0),  # exact
        ([0, 3, 6], 1 / 3, 0),  # 1.0000000298, 2.0000000596
        ([0, 2147483, 4294966], 1 / 2147483, 0),
        ([1000, 1007, 1014], 1 / 7, -1000 / 7),
        ([-1, 0, 1], 1, 1),
    ],
)
def test_rounding_by_the_header_is_taken_off(
    tmp_path: Path, stored: list[int], slope: float, inter: float
) -> None:
    voxels = np.array(stored, dtype=np.int32)[box([1, 2])]
    found = read_labels(scaled(tmp_path / "a.nii", voxels, slope, inter)).voxels
    assert found.dtype.kind == "u"
    np.testing.assert_array_equal(found, box([1, 2]))


def test_floating_point_labels_are_whole_up_to_single_precision(tmp_path: Path) -> None:
    values = np.array([-1e-8, np.nextafter(np.float32(1), np.float32(0)), 65535], np.float32)
    found = read_labels(save(tmp_path / "a.nii", values[box([1, 2])])).voxels
    assert np.unique(found).tolist() == [0, 1, 65535]


@pytest.mark.parametrize("value", [0.5, 0.9999, 65535.5, 65536, -1])
def test_other_values_are_no_labels(tmp_path: Path, value: float) -> None:
    path = save(tmp_path / "a.nii", np.array([0.0, value])[box([1])])
    with pytest.raises(
        VolumeError, match=r"^1 value\(s\) that are not labels, such as \S+$"
    ) as caught:
        read_labels(path)
    assert float(str(caught.value).split()[-1]) == value
    assert "whole numbers from 0 to 65535" in caught.value.hint


def test_a_refusal_gives_the_whole_value_and_what_the_header_does(tmp_path: Path) -> None:
    stored = np.array([0, 127, 255], dtype=np.uint8)[box([1, 2])]
    path = scaled(tmp_path / "a.nii", stored, 2 / 255)
    with pytest.raises(VolumeError) as caught:
        read_labels(path)
    value, slope = 0.9960784902796149, 0.007843137718737125
    assert str(caught.value) == (
        f"1 value(s) that are not labels, such as {value}: the header's scl_slope {slope} makes it "
        "of 127 in the file"
    )
    assert "scl_slope" in caught.value.hint


def test_such_labels_are_drawn_as_the_plain_ones(tmp_path: Path) -> None:
    plain = open_volumes(str(fill(tmp_path / "plain", {"a": [1, 2], "b": [2, 1]})))
    fill(tmp_path / "scaled", {"a": [1, 2], "b": [2, 1]})
    for file in (tmp_path / "scaled" / "labels").iterdir():
        image: Any = nibabel.load(file)
        voxels = np.asarray(image.dataobj, dtype=np.int32) * 7
        file.unlink()
        scaled(file.with_suffix("").with_suffix(".nii"), voxels, 1 / 7)
    other = open_volumes(str(tmp_path / "scaled"))
    assert other.classes == plain.classes
    settings = VolumeSettings(patch=(16, 16, 16))
    samples = [draw_volumes(target, 2, 2, 0, settings) for target in (plain, other)]
    np.testing.assert_array_equal(samples[0].masks, samples[1].masks)
