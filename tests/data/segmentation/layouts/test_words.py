import pytest

from acrank.data.segmentation.layouts.words import (
    Meaning,
    is_mask_name,
    meaning_of,
    without_mask_word,
)


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("imgs", Meaning(False, ())),
        ("JPEGImages", Meaning(False, ())),
        ("train_masks", Meaning(True, ("train",))),
        ("trainImages", Meaning(False, ("train",))),
        ("Ground Truth", Meaning(True, ())),
        ("ISIC2018_Task1-2_Training_Input", Meaning(False, ("isic", "training"))),
        ("ISIC2018_Task1_Training_GroundTruth", Meaning(True, ("isic", "training"))),
        ("label_images_semantic", Meaning(True, ())),
        ("no_mask", Meaning(True, ("no",))),
        ("label_1", Meaning(True, ())),
        ("text", None),
        ("unmasked", None),
        ("2", None),
    ],
)
def test_folders(name: str, meaning: Meaning | None) -> None:
    assert meaning_of(name) == meaning


@pytest.mark.parametrize("stem", ["x_mask", "x_mask_1", "mask-7", "x_manual1", "xGroundTruth"])
def test_files_called_masks(stem: str) -> None:
    assert is_mask_name(stem)


@pytest.mark.parametrize("stem", ["x", "masked_x", "x_mask_of_y", "7", ""])
def test_files_called_otherwise(stem: str) -> None:
    assert not is_mask_name(stem)


def test_what_is_left_without_the_word() -> None:
    assert "train" in without_mask_word("trainannot")
    assert "train" in without_mask_word("gt_Train")
    assert without_mask_word("mask") == set()
