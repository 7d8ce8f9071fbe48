"""Folders of masks whose names say nothing of masks."""

from pathlib import Path

import pytest
from PIL import Image

from acrank.data import known_task
from acrank.data.segmentation import open_segmentation
from acrank.data.segmentation.layout import is_segmentation
from acrank.errors import DataError
from tests.data.segmentation.builders import blocks
from tests.data.segmentation.layouts.builders import lay_out, mask, photograph


@pytest.mark.parametrize(
    ("image", "path"),
    [
        ("fundus/NAME.png", "vessels/NAME.png"),
        ("pics/NAME.jpg", "roi/NAME.png"),
        ("x/NAME.png", "y/NAME.png"),
        ("stare-images/NAME.png", "labels-ah/NAME.ah.png"),
        ("2_Ortho_RGB/top_NAME_RGB.tif", "5_Labels_all/top_NAME_label.tif"),
        ("data/pics/NAME.png", "data/roi/NAME_contour.png"),
    ],
)
def test_files_that_look_like_masks_of_others_are_no_class(
    tmp_path: Path, image: str, path: str
) -> None:
    lay_out(tmp_path, image, [path])
    with pytest.raises(DataError, match=r"masks in .*4 pairs") as caught:
        is_segmentation(str(tmp_path))
    assert "--task segmentation" in str(caught.value.hint)
    assert len(open_segmentation(str(tmp_path)).items) == 4
    assert known_task(str(tmp_path), "classification") == "classification"


@pytest.mark.parametrize(
    ("image", "paths"),
    [
        ("stare-images/NAME.png", ["labels-ah/NAME.ah.png", "labels-vk/NAME.vk.png"]),
        ("NAME/NAME_Dermoscopic_Image/NAME.png", ["NAME/NAME_lesion/NAME_lesion.png"]),
        ("benign/NAME.png", ["benign/NAME_tumour.png"]),
        ("NAME.png", ["NAME-vessel.png"]),
    ],
)
def test_masks_in_several_folders_or_among_images_are_refused(
    tmp_path: Path, image: str, paths: list[str]
) -> None:
    lay_out(tmp_path, image, paths)
    with pytest.raises(DataError, match="files are masks of others") as caught:
        is_segmentation(str(tmp_path))
    assert "--task classification" in str(caught.value.hint)


def test_masks_beside_a_training_part_of_classes_are_left_alone(tmp_path: Path) -> None:
    for name in ("good", "bent"):
        for place in range(4):
            photograph(tmp_path / "train" / name / f"{place}.png", place)
    lay_out(tmp_path, "test/bent/NAME.png", ["truth/bent/NAME_area.png"])
    assert not is_segmentation(str(tmp_path))


def test_flat_images_of_other_names_or_sizes_are_classes(tmp_path: Path) -> None:
    for place in range(4):
        photograph(tmp_path / "names" / "photo" / f"{place}.png", place)
        mask(tmp_path / "names" / "drawing" / f"d{place * 7 + 20}.png")
        photograph(tmp_path / "sizes" / "photo" / f"{place}.png", place)
        (tmp_path / "sizes" / "drawing").mkdir(parents=True, exist_ok=True)
        drawing = Image.fromarray(blocks([0, 255], (60, 60)))
        drawing.save(tmp_path / "sizes" / "drawing" / f"{place}.png")
    assert not is_segmentation(str(tmp_path / "names"))
    assert not is_segmentation(str(tmp_path / "sizes"))
