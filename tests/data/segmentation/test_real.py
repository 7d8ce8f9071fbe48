"""Real datasets, where the folder of shared material is at hand."""

from pathlib import Path

import numpy as np
import pytest

from acrank.data.segmentation import draw_segmentation, is_segmentation, open_segmentation


@pytest.mark.parametrize(("name", "pairs"), [("seg_drive_vessels", 20), ("seg_nuclei_dsb18", 150)])
def test_real_images(shared: Path, name: str, pairs: int) -> None:
    folder = str(shared / "data" / name)
    assert is_segmentation(folder)
    target = open_segmentation(folder)
    assert len(target.items) == pairs
    assert target.classes == ("background", "foreground")
    assert target.warnings == (
        f"{folder}/train is read as the training part, without val/ beside it.",
    )
    sample = draw_segmentation(target, 16, 8, 0, 128)
    assert np.unique(sample.masks).tolist() == [0, 1]
    assert 0.05 < sample.masks.mean() < 0.25
    assert [len(rows) for rows in sample.batches] == [8, 8]


def test_classification_data_are_not_taken_for_it(shared: Path) -> None:
    assert not is_segmentation(str(shared / "data" / "brain_tumor_mri"))


def test_masks_lie_on_their_images(shared: Path) -> None:
    """Vessels are dark: moved by two pixels, a mask covers brighter ones."""
    target = open_segmentation(str(shared / "data" / "seg_drive_vessels"))
    sample = draw_segmentation(target, 8, 4, 0)
    for image, mask in zip(sample.images, sample.masks, strict=True):
        green = image[..., 1]
        for shift in ((2, 0), (-2, 0), (0, 2), (0, -2)):
            moved = np.roll(mask, shift, (0, 1)) == 1
            assert green[mask == 1].mean() < green[moved].mean() - 1
