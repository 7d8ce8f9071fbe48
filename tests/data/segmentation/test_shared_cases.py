"""Images with masks as people have them, where the folder of shared material is at hand."""

from pathlib import Path

import pytest

from acrank.data import open_any
from acrank.data.segmentation import SegmentationTarget
from acrank.errors import DataError

READ = [
    ("image_label", 16, "images in image/, masks in label/ (the same names): 16 pairs"),
    ("images_labels_png", 16, "images in images/, masks in labels/ (the same names): 16 pairs"),
    ("images_masks_suffix", 16, "masks in masks/ (NAME_segmentation): 16 pairs"),
    (
        "images_train_masks_train",
        12,
        "images/train is read as the training part, without val/",
    ),
    ("nnunet_2d_png", 12, "masks in labelsTr/ (NAME_0000 with NAME): 12 pairs"),
    ("oxford_pets", 16, "masks in annotations/trimaps/ (the same names): 16 pairs"),
    ("sing_images_mask", 16, "images in images/, masks in mask/ (the same names): 16 pairs"),
    ("unet_imgs_masks", 16, "images in imgs/, masks in masks/ (NAME_mask): 16 pairs"),
    (
        "upper_Train_images",
        12,
        "Train is read as the training part, without Valid/",
    ),
    ("voc_layout", 16, "masks in SegmentationClass/ (the same names): 16 pairs"),
]


def folder(shared: Path, name: str) -> str:
    place = shared / "cases" / "data" / name / "data"
    if not place.is_dir():
        pytest.skip(f"no {place}")
    return str(place)


@pytest.mark.parametrize(("name", "pairs", "said"), READ)
def test_read_as_images_with_masks(shared: Path, name: str, pairs: int, said: str) -> None:
    target = open_any(folder(shared, name), "auto")
    assert target.task == "masks"
    assert isinstance(target, SegmentationTarget)
    assert len(target.items) == pairs
    assert any(said in warning for warning in target.warnings)


def test_several_masks_an_image_are_refused(shared: Path) -> None:
    with pytest.raises(DataError, match="96 masks of 12 images") as caught:
        open_any(folder(shared, "dsb2018_raw"), "auto")
    assert "merge them" in str(caught.value.hint)


def test_interpolated_masks_are_refused(shared: Path) -> None:
    with pytest.raises(DataError, match="16 of 16 masks hold grey between 0 and 255"):
        open_any(folder(shared, "mask_resized_half"), "auto")


def test_three_levels_are_three_classes(shared: Path) -> None:
    target = open_any(folder(shared, "levels_0_127_255"), "auto")
    assert target.classes == ("0", "127", "255")


@pytest.mark.parametrize("name", ["training_testing", "nested_only", "skipped_files"])
def test_classes_stay_classes(shared: Path, name: str) -> None:
    assert open_any(folder(shared, name), "auto").task == "classification"
