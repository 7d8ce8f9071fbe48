from pathlib import Path

import pytest

from acrank.data import known_task, open_any
from acrank.data.segmentation import is_segmentation, open_segmentation
from acrank.data.segmentation.layouts import LAYOUTS
from acrank.errors import DataError
from tests.data.builders import fill_folder

from .builders import NAMES, lay_out, mask, photograph

READ = [
    ("imgs/NAME.jpg", "masks/NAME_mask.gif", "images in imgs/, masks in masks/ (NAME_mask)"),
    ("images/NAME.jpg", "masks/NAME_segmentation.png", "masks in masks/ (NAME_segmentation)"),
    ("images/NAME.jpg", "masks/mask_NAME.png", "masks in masks/ (mask_NAME)"),
    ("images/img_NAME.jpg", "masks/mask_NAME.png", "(img_NAME with mask_NAME)"),
    ("image/NAME.png", "label/NAME.png", "images in image/, masks in label/ (the same names)"),
    ("images/NAME.png", "labels/NAME.png", "images in images/, masks in labels/"),
    ("img/NAME.png", "mask/NAME.png", "images in img/, masks in mask/"),
    ("Images/NAME.png", "Mask/NAME.png", "images in Images/, masks in Mask/"),
    ("original/NAME.png", "ground_truth/NAME.png", "images in original/, masks in ground_truth/"),
    ("Original/NAME.tif", "Ground Truth/NAME.tif", "masks in Ground Truth/"),
    ("image/NAME.png", "groundtruth/NAME.png", "masks in groundtruth/"),
    ("Train/img/NAME.png", "Train/mask/NAME.png", "images in img/, masks in mask/"),
    ("img_dir/train/NAME.jpg", "ann_dir/train/NAME.png", "in img_dir/train/, masks in ann_dir/"),
    (
        "images/training/NAME.jpg",
        "annotations/training/NAME.png",
        "images in images/training/, masks in annotations/training/",
    ),
    ("images/train/NAME.jpg", "masks/train/NAME.png", None),
    ("images/NAME/a.jpg", "masks/NAME/a.png", None),
    ("train/NAME.png", "trainannot/NAME_L.png", "images in train/, masks in trainannot/ (NAME_L)"),
    ("train/NAME.jpg", "train_masks/NAME_mask.gif", "masks in train_masks/ (NAME_mask)"),
    ("JPEGImages/NAME.jpg", "SegmentationClass/NAME.png", "masks in SegmentationClass/"),
    ("VOC2012/JPEGImages/NAME.jpg", "VOC2012/SegmentationClass/NAME.png", "in JPEGImages/"),
    ("images/NAME.jpg", "annotations/trimaps/NAME.png", "masks in annotations/trimaps/"),
    ("images/NAME.jpg", "annotations/NAME.png", "masks in annotations/"),
    (
        "ISIC2018_Task1-2_Training_Input/ISIC_NAME.jpg",
        "ISIC2018_Task1_Training_GroundTruth/ISIC_NAME_segmentation.png",
        "(NAME_segmentation)",
    ),
    (
        "ISIC-2017_Training_Data/ISIC_NAME.jpg",
        "ISIC-2017_Training_Part1_GroundTruth/ISIC_NAME_segmentation.png",
        "(NAME_segmentation)",
    ),
    ("images/NAME.jpg", "lesion_masks/NAME.png", "images in images/, masks in lesion_masks/"),
    ("trainimages/NAME.jpg", "trainmasks/NAME.png", "masks in trainmasks/"),
    ("Images/NAME.jpg", "Segmented/NAME.png", "masks in Segmented/"),
    ("img_NAME.png", "mask_NAME.png", "(img_NAME with mask_NAME)"),
    ("images/NAME.png", "images/NAME_mask.png", "images and masks in images/ (NAME_mask)"),
    ("imagesTr/NAME_0000.png", "labelsTr/NAME.png", "(NAME_0000 with NAME)"),
    (
        "training/images/NAME_training.tif",
        "training/1st_manual/NAME_manual1.gif",
        "(NAME_training with NAME_manual1)",
    ),
    (
        "leftImg8bit/train/ulm/NAME_leftImg8bit.png",
        "gtFine/train/ulm/NAME_gtFine_labelIds.png",
        "(NAME_leftImg8bit with NAME_gtFine_labelIds)",
    ),
    ("NAME.png", "NAME_mask.png", "(NAME_mask)"),
    ("NAME.png", "NAME_seg.png", "(NAME_seg)"),
    ("NAME.png", "NAME_gt.png", "(NAME_gt)"),
    ("NAME.png", "NAME_label.png", "(NAME_label)"),
    ("NAME_sat.jpg", "NAME_mask.png", "(NAME_sat with NAME_mask)"),
    ("train/NAME_sat.jpg", "train/NAME_mask.png", "images and masks in train/"),
    ("NAME.jpg", "NAME.png", "(NAME.png beside NAME.jpg)"),
    ("NAME/images/x.png", "NAME/masks/y.png", "images in */images/, masks in */masks/"),
    ("NAME/image.png", "NAME/mask.png", "images and masks in */ (one folder a case)"),
    ("NAME/NAME.png", "NAME/NAME_mask.png", "images and masks in */ (one folder a case)"),
]


@pytest.mark.parametrize(("image", "path", "said"), READ)
def test_layouts_are_read_and_how_is_said(
    tmp_path: Path, image: str, path: str, said: str | None
) -> None:
    lay_out(tmp_path, image, [path])
    assert is_segmentation(str(tmp_path))
    target = open_segmentation(str(tmp_path))
    assert len(target.items) == 4
    for pair in target.items:
        name = next(name for name in sorted(NAMES, key=len, reverse=True) if name in pair.key)
        assert name in str(pair.image)
        assert name in str(pair.mask)
        assert str(pair.image) != str(pair.mask)
    if said:
        (notice,) = target.warnings
        assert said in notice
        assert "4 pairs" in notice


def test_the_documented_layout_needs_no_words(tmp_path: Path) -> None:
    lay_out(tmp_path, "images/NAME.jpg", ["masks/NAME.png"])
    assert open_segmentation(str(tmp_path)).warnings == ()


@pytest.mark.parametrize(
    ("parts", "image", "path"),
    [
        (("Train", "Valid"), "PART/img/NAME.png", "PART/mask/NAME.png"),
        (("train", "val"), "images/PART/NAME.png", "masks/PART/NAME.png"),
        (("training", "validation"), "images/PART/NAME.jpg", "annotations/PART/NAME.png"),
        (("train", "val"), "PART/NAME.png", "PARTannot/NAME.png"),
        (("train", "test"), "PART_images/NAME.png", "PART_masks/NAME.png"),
        (("Training", "Validation"), "X1_PART_Input/NAME.png", "X1_PART_GroundTruth/NAME.png"),
    ],
)
def test_the_training_part_is_read_and_the_other_can_be_given(
    tmp_path: Path, parts: tuple[str, str], image: str, path: str
) -> None:
    for part in parts:
        names = [f"{part}{number}" for number in range(3)]
        image_, path_ = (text.replace("PART", part) for text in (image, path))
        lay_out(tmp_path, image_, [path_], names)
    target = open_segmentation(str(tmp_path))
    assert is_segmentation(str(tmp_path))
    assert {pair.key.rstrip("012") for pair in target.items} == {parts[0]}
    assert any("beside" in w and parts[1] in w for w in target.warnings)
    held_out = tmp_path / Path(image.replace("PART", parts[1])).parent
    given = held_out if "PART/" not in image.replace("PART/NAME", "") else tmp_path / parts[1]
    other = open_segmentation(str(given))
    assert {pair.key.rstrip("012") for pair in other.items} == {parts[1]}


@pytest.mark.parametrize("folder", ["", "archive/VOCdevkit/VOC2012/"])
def test_folders_beside_are_said_to_be_left_alone(tmp_path: Path, folder: str) -> None:
    masks = [f"{folder}{name}/NAME.png" for name in ("SegmentationClass", "SegmentationObject")]
    lay_out(tmp_path, f"{folder}JPEGImages/NAME.jpg", masks)
    (tmp_path / "archive" / "notes").mkdir(parents=True, exist_ok=True)
    _, said = open_segmentation(str(tmp_path)).warnings
    assert said == "SegmentationObject/ beside them is not read."


def test_folders_that_are_no_cases_are_said(tmp_path: Path) -> None:
    names = [f"case{number}" for number in range(8)]
    lay_out(tmp_path, "NAME/image.png", ["NAME/mask.png"], names)
    photograph(tmp_path / "extra" / "x.png")
    target = open_segmentation(str(tmp_path))
    assert len(target.items) == 8
    assert "extra/ beside them is not read." in target.warnings


def test_parts_of_a_challenge(tmp_path: Path) -> None:
    lay_out(tmp_path, "stage1_train/NAME/images/NAME.png", ["stage1_train/NAME/masks/x.png"])
    for name in ("t1", "t2"):
        photograph(tmp_path / "stage1_test" / name / "images" / f"{name}.png")
    assert is_segmentation(str(tmp_path))
    assert "without stage1_test/ beside it." in open_segmentation(str(tmp_path)).warnings[1]


def test_voc_reads_what_its_list_names(tmp_path: Path) -> None:
    lay_out(tmp_path, "JPEGImages/NAME.jpg", ["SegmentationClass/NAME.png"])
    photograph(tmp_path / "JPEGImages" / "unlabelled.jpg")
    target = open_segmentation(str(tmp_path))
    assert len(target.items) == 4
    assert "1 of 5 images have no mask and are not used." in target.warnings
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("n1\nn10\n")
    target = open_segmentation(str(tmp_path))
    assert [pair.key for pair in target.items] == ["n1", "n10"]
    assert "Only the 2 names in ImageSets/Segmentation/train.txt are read." in target.warnings


def test_cityscapes_reads_one_of_its_masks(tmp_path: Path) -> None:
    ends = ("labelIds", "color", "instanceIds")
    lay_out(
        tmp_path,
        "leftImg8bit/train/ulm/NAME_leftImg8bit.png",
        [f"gtFine/train/ulm/NAME_gtFine_{end}.png" for end in ends],
    )
    target = open_segmentation(str(tmp_path))
    assert {str(pair.mask).rpartition("_")[2] for pair in target.items} == {"labelIds.png"}
    assert "Of the masks, NAME_gtFine_labelIds are read; 8 others are not." in target.warnings


def test_drive_reads_vessels_not_the_field_of_view(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        "images/NAME_training.tif",
        ["1st_manual/NAME_manual1.gif", "mask/NAME_training_mask.gif"],
    )
    assert {Path(str(p.mask)).parent.name for p in open_segmentation(str(tmp_path)).items} == {
        "1st_manual"
    }


def test_classes_of_nnunet_come_from_its_file(tmp_path: Path) -> None:
    lay_out(tmp_path, "imagesTr/NAME_0000.png", ["labelsTr/NAME.png"])
    (tmp_path / "dataset.json").write_text('{"labels": {"background": 0, "vessel": 255}}')
    assert open_segmentation(str(tmp_path)).classes == ("background", "vessel")
    photograph(tmp_path / "imagesTr" / "n1_0001.png")
    with pytest.raises(DataError, match="one a channel"):
        is_segmentation(str(tmp_path))


REFUSED = [
    ("NAME/images/NAME.png", ["NAME/masks/a.png", "NAME/masks/b.png"], "8 masks of 4 images"),
    ("images/NAME.png", ["masks/NAME_1.png", "masks/NAME_2.png"], "8 masks of 4 images"),
    ("NAME.png", ["NAME_mask_1.png", "NAME_mask_2.png"], "8 masks of 4 images"),
    ("images/NAME.png", ["masks/vessel/NAME.png", "masks/disc/NAME.png"], "which of them"),
    ("imgs/NAME.png", ["masks/NAME.png", "labels/NAME.png"], "more than one folder of masks"),
    ("imgs/NAME.png", ["cup_mask/NAME.png", "disc_mask/NAME.png"], "more than one folder of masks"),
]


@pytest.mark.parametrize(("image", "paths", "words"), REFUSED)
def test_several_masks_an_image_are_refused(
    tmp_path: Path, image: str, paths: list[str], words: str
) -> None:
    lay_out(tmp_path, image, paths)
    with pytest.raises(DataError, match=words) as caught:
        known_task(str(tmp_path), "auto")
    assert caught.value.hint
    assert "--task classification" in caught.value.hint
    with pytest.raises(DataError, match=words):
        open_segmentation(str(tmp_path))
    assert known_task(str(tmp_path), "classification") == "classification"


def test_cases_with_more_than_an_image_and_a_mask_are_no_classes(tmp_path: Path) -> None:
    lay_out(tmp_path, "NAME/image.png", ["NAME/mask.png"])
    for number, name in enumerate(NAMES):
        photograph(tmp_path / name / "overlay.png", number + 9)
    with pytest.raises(DataError, match="it is unclear which belong together"):
        is_segmentation(str(tmp_path))


def test_names_that_make_no_pairs_are_shown(tmp_path: Path) -> None:
    for number in range(4):
        photograph(tmp_path / "imgs" / f"p{number}.png", number)
        mask(tmp_path / "masks" / f"q{number + 7}x.png")
    with pytest.raises(
        DataError, match="none of its 4 images has a mask of the same name"
    ) as caught:
        is_segmentation(str(tmp_path))
    assert "p0.png" in caught.value.message
    assert "q7x.png" in caught.value.message


@pytest.mark.parametrize(
    ("image", "path"),
    [
        ("benign/NAME.png", "benign/NAME_mask.png"),
        ("covid/images/NAME.png", "covid/masks/NAME.png"),
        ("crack/NAME.jpg", "crack/NAME.png"),
    ],
)
def test_folders_of_pairs_may_be_classes_so_the_user_has_to_say(
    tmp_path: Path, image: str, path: str
) -> None:
    for folder in ("one", "two", "three"):
        first, _, rest = image.partition("/")
        lay_out(tmp_path, f"{folder}/{rest}", [f"{folder}/{path.removeprefix(f'{first}/')}"])
    with pytest.raises(DataError, match="may be classes as well as cases") as caught:
        is_segmentation(str(tmp_path))
    assert "12 pairs" in caught.value.message
    assert "--task segmentation" in str(caught.value.hint)
    assert len(open_segmentation(str(tmp_path)).items) == 12


def test_masks_among_the_images_of_some_classes(tmp_path: Path) -> None:
    lay_out(tmp_path, "benign/NAME.png", ["benign/NAME_mask.png"])
    for name in ("normal", "other"):
        for place in range(4):
            photograph(tmp_path / name / f"{place}.png", place + 20)
    with pytest.raises(DataError, match=r"1 of the 3 folders .* such as benign/, hold masks"):
        is_segmentation(str(tmp_path))


def test_masks_beside_a_folder_of_another_name(tmp_path: Path) -> None:
    lay_out(tmp_path, "tumour/NAME.png", ["masks/NAME.png"])
    with pytest.raises(DataError, match="tumour/ says neither images nor a class") as caught:
        is_segmentation(str(tmp_path))
    assert "--task segmentation" in str(caught.value.hint)
    assert len(open_segmentation(str(tmp_path)).items) == 4


def test_boxes_beside_images_and_masks_are_left_alone(tmp_path: Path) -> None:
    lay_out(tmp_path, "PNGImages/NAME.png", ["PedMasks/NAME_mask.png"])
    (tmp_path / "Annotation").mkdir()
    (tmp_path / "Annotation" / "n1.txt").write_text("# boxes")
    assert len(open_segmentation(str(tmp_path)).items) == 4


def test_a_folder_of_masks_beside_classes_is_no_class(tmp_path: Path) -> None:
    for place in range(4):
        photograph(tmp_path / "crack" / f"{place}.png", place)
        photograph(tmp_path / "whole" / f"{place}.png", place + 9)
        mask(tmp_path / "masks" / f"{place}.png")
    for task in ("auto", "segmentation"):
        with pytest.raises(
            DataError, match="masks/ holds masks and is not a class, as crack/, whole/"
        ):
            open_any(str(tmp_path), task)


def test_parts_of_a_split_without_one_to_train_on(tmp_path: Path) -> None:
    for part in ("val", "test"):
        lay_out(tmp_path, f"{part}/images/NAME.png", [f"{part}/masks/NAME.png"])
    for task in ("auto", "segmentation"):
        with pytest.raises(DataError, match="are parts of a split") as caught:
            open_any(str(tmp_path), task)
        assert f"--data {tmp_path}/test" in str(caught.value.hint)


@pytest.mark.parametrize("folders", [("images", "labels"), ("images/train", "labels/train")])
def test_boxes_are_no_masks(tmp_path: Path, folders: tuple[str, str]) -> None:
    for place in range(4):
        photograph(tmp_path / folders[0] / f"{place}.jpg", place)
        file = tmp_path / folders[1] / f"{place}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("0 0.5 0.5 0.1 0.1\n")
    for task in ("auto", "segmentation"):
        with pytest.raises(DataError, match="boxes in text files") as caught:
            open_any(str(tmp_path), task)
        assert "detection" in str(caught.value.hint)


def test_arrays_are_no_images(tmp_path: Path) -> None:
    for place in range(4):
        photograph(tmp_path / "images" / f"{place}.jpg", place)
        (tmp_path / "masks").mkdir(exist_ok=True)
        (tmp_path / "masks" / f"{place}.npy").write_bytes(b"x")
    with pytest.raises(DataError, match=r"masks: no images \(looked for.*; it holds .npy 4\)"):
        open_segmentation(str(tmp_path))
    with pytest.raises(DataError, match=r"masks.*npy"):
        open_any(str(tmp_path), "auto")


CLASSES = [
    {"image": 4, "text": 4},
    {"with_mask": 4, "without_mask": 4},
    {"mask": 4, "no_mask": 4},
    {"masked": 4, "unmasked": 4},
    {"normal": 4, "mask": 4},
    {"label_0": 4, "label_1": 4},
    {"original": 4, "target": 4},
    {"image": 4, "label": 4},
    {"images": 4, "annotations": 4},
    {"chin": 4, "chin_mask": 4},
    {"train": 4, "trainlabel": 4},
    {"cat": 4, "dog": 4, "masks": 4},  # photographs of masks
]


@pytest.mark.parametrize("classes", CLASSES, ids=lambda classes: "-".join(classes))
def test_class_folders_with_equal_file_names_are_classes(
    tmp_path: Path, classes: dict[str, int]
) -> None:
    fill_folder(tmp_path, dict.fromkeys(classes, 0))
    for number, name in enumerate(classes):
        for place in range(4):
            photograph(tmp_path / name / f"{place}.jpg", 10 * number + place)
    assert not is_segmentation(str(tmp_path))
    assert known_task(str(tmp_path), "auto") == "classification"


@pytest.mark.parametrize("names", [("0", "1"), ("mask", "no_mask"), ("label_0", "label_1")])
def test_classes_of_flat_images_are_classes(tmp_path: Path, names: tuple[str, str]) -> None:
    for name in names:
        for place in range(4):
            mask(tmp_path / name / f"{place}.png", [place, 9])
    assert not is_segmentation(str(tmp_path))


def test_photographs_called_masks_in_classes_are_classes(tmp_path: Path) -> None:
    for name in ("worn", "bare"):
        for place in range(4):
            photograph(tmp_path / name / f"{place}.jpg", place)
            photograph(tmp_path / name / f"{place}_mask.jpg", place + 9)
    assert not is_segmentation(str(tmp_path))


def test_every_layout_says_nothing_of_an_empty_folder(tmp_path: Path) -> None:
    assert [kind.find(tmp_path) for kind in LAYOUTS] == [None] * len(LAYOUTS)
    assert not is_segmentation(str(tmp_path))


def test_files_that_are_passed_over_are_said(tmp_path: Path) -> None:
    lay_out(tmp_path, "images/NAME.jpg", ["masks/NAME.png"])
    (tmp_path / "masks" / "notes.txt").write_text("x")
    (tmp_path / "images" / "n9.mat").write_text("x")
    assert open_segmentation(str(tmp_path)).warnings == (
        "1 file of images/ was skipped: .mat 1.",
        "1 file of masks/ was skipped: .txt 1.",
    )


def test_asked_for_segmentation_photographs_are_not_second_guessed(tmp_path: Path) -> None:
    for place in range(4):
        photograph(tmp_path / "image" / f"{place}.png", place)
        photograph(tmp_path / "label" / f"{place}.png", place + 9)
    assert not is_segmentation(str(tmp_path))
    with pytest.raises(DataError, match=r"cannot be used"):
        open_segmentation(str(tmp_path))
