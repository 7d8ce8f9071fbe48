"""Inputs of bug reports on pixels and labels, where the folder of shared material is at hand."""

from pathlib import Path

import pytest

from acrank.data import draw_sample, open_target
from acrank.data.volumes import open_volumes
from acrank.errors import DataError


@pytest.fixture
def cases(shared: Path) -> Path:
    folder = shared / "cases" / "data"
    if not folder.is_dir():
        pytest.skip("no inputs of bug reports")
    return folder


def test_12_bits_in_colour_of_16_are_not_nearly_black(cases: Path) -> None:
    sample = draw_sample(open_target(str(cases / "rgb16_png" / "data")), 36, 18, 0)
    assert min(image.min() for image in sample.images) > 70
    assert max(image.max() for image in sample.images) >= 254
    assert any("36 of 36 images have 16-bit values" in note for note in sample.warnings)
    assert any("read as 12-bit" in note for note in sample.warnings)


def test_one_marker_is_named(cases: Path) -> None:
    sample = draw_sample(open_target(str(cases / "grey16_marker" / "data")), 32, 16, 0)
    (marker,) = (note for note in sample.warnings if "decide" in note)
    assert "1 image decides that (a/0.png)" in marker
    assert "read as 12-bit and be 16 times as bright" in marker


def test_pages_of_a_stack_are_said(cases: Path) -> None:
    sample = draw_sample(open_target(str(cases / "imagej_pages" / "data")), 32, 16, 0)
    assert any("32 of 32 images have 3 pages or frames" in note for note in sample.warnings)
    assert any("32 of 32 images hold nothing but black" in note for note in sample.warnings)


def test_labels_of_floating_point_and_of_a_slope(cases: Path) -> None:
    pytest.importorskip("nibabel")
    assert len(open_volumes(str(cases / "nii_float_labels" / "data")).classes) == 3
    with pytest.raises(
        DataError, match=r"such as 0\.9960784902796149: the header's scl_slope 0\.0"
    ):
        open_volumes(str(cases / "nii_slope_uint8" / "data"))
