"""What is said of the images of a fine-tuning: copies, missing classes, sides, same data."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from acrank.errors import ConfigError
from acrank.finetuning.config import make_finetune_config
from acrank.finetuning.inputs import open_images
from acrank.finetuning.notices import sided
from acrank.finetuning.tuning import SplitImages
from tests.finetuning.diverging import KINDS, SETTINGS, write_kind, write_shades
from tests.finetuning.masks.discs import write_discs

COPIES = "measures on them are too good"


def opened(data: Path, **settings: Any) -> SplitImages[Any]:
    given = {"data": str(data), "model": "x", **settings}
    return open_images(make_finetune_config(given))


@pytest.fixture(scope="module")
def shades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shades(tmp_path_factory.mktemp("shades"), {"dark": 6, "mid": 6, "bright": 6})


@pytest.mark.parametrize("kind", KINDS)
def test_copies_of_training_images_are_counted(kind: str, tmp_path: Path) -> None:
    data, val = write_kind(tmp_path / "data", kind), tmp_path / "val"
    shutil.copytree(data, val)
    settings = {**SETTINGS[kind], "task": "classification" if kind == "images" else "segmentation"}
    images = opened(data, val=str(val), **settings)
    count, things = len(images.validation), "volumes" if kind == "volumes" else "images"
    assert (
        f"{count} of {count} validation {things} are byte-equal to training {things}: "
        f"they were trained on, so {COPIES}"
    ) in images.notes
    # masks and labels do not count: those of another image may be the same
    assert not [note for note in opened(data, **settings).notes if COPIES in note]


def test_copies_within_a_folder_and_among_test_images_are_counted(
    shades: Path, tmp_path: Path
) -> None:
    for file in shades.rglob("*.png"):
        for number in range(3):
            place = tmp_path / "copies" / file.parent.name / f"{number}-{file.name}"
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)
    test = write_shades(tmp_path / "test", {"dark": 2, "mid": 2, "bright": 2}, seed=1)
    images = opened(tmp_path / "copies", test=str(test))
    (note,) = [note for note in images.notes if COPIES in note]
    equal = sum(digest in images.training.digests for digest in images.validation.digests)
    assert equal > 0
    assert note.startswith(f"{equal} of {len(images.validation)} validation images are byte-equal")
    val = shutil.copytree(test, tmp_path / "val")
    (note,) = [n for n in opened(shades, val=str(val), test=str(test)).notes if COPIES in n]
    assert note.startswith("6 of 6 test images are byte-equal to validation images")


@pytest.mark.parametrize("option", ["val", "test"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_training_data_do_not_judge(option: str, kind: str, tmp_path: Path) -> None:
    data = write_kind(tmp_path / kind, kind)
    (tmp_path / "link").symlink_to(data)
    for other in (data, f"{data}/", f"{data}/../{data.name}", tmp_path / "link"):
        with pytest.raises(ConfigError, match=f"--{option} is the same data as --data"):
            opened(data, **{option: str(other)})
    with pytest.raises(ConfigError, match="is the same data"):
        opened(Path("demo"), **{option: "demo"})


def test_classes_without_validation_or_test_images_are_named(shades: Path, tmp_path: Path) -> None:
    val = write_shades(tmp_path / "val", {"dark": 2, "mid": 2}, seed=1)
    test = write_shades(tmp_path / "test", {"dark": 2, "bright": 2}, seed=2)
    images = opened(shades, val=str(val), test=str(test))
    assert images.notes == (
        "no validation image is of bright, which balanced accuracy and AUROC leave out",
        "no test image is of mid, which balanced accuracy and AUROC leave out",
    )
    assert images.monitor == "balanced_accuracy"
    assert opened(shades).notes == ()


def test_without_foreground_the_loss_chooses(tmp_path: Path) -> None:
    data, val = write_discs(tmp_path / "data", 4), write_discs(tmp_path / "val", 2, seed=1)
    for file in (val / "masks").iterdir():
        Image.fromarray(np.zeros_like(np.asarray(Image.open(file)))).save(file)
    settings = {"val": str(val), "image_size": 32}
    for monitor in ("dice", "iou", "hd95"):
        images = opened(data, monitor=monitor, **settings)
        assert images.monitor == "loss"
        assert images.notes == (
            "--val: 2 of 2 masks are empty: they hold background alone.",
            "no validation mask holds foreground, which Dice, IoU and HD95 leave out",
            f"so there is no {monitor}, and the loss chooses the best epoch",
        )
    assert len(opened(data, monitor="loss", **settings).notes) == 2


def test_a_small_object_that_stretching_loses_is_there(tmp_path: Path) -> None:
    data, val = write_discs(tmp_path / "data", 4), write_discs(tmp_path / "val", 2, seed=1)
    for file in (val / "masks").iterdir():
        mask = np.zeros_like(np.asarray(Image.open(file)))
        mask[1, 2] = 255
        Image.fromarray(mask).save(file)
    images = opened(data, val=str(val), image_size=32, monitor="dice")
    assert not images.validation.counts()[:, 1].any()
    assert (images.monitor, images.notes) == ("dice", ())


def test_one_class_alone_has_no_auroc(tmp_path: Path) -> None:
    data = write_shades(tmp_path, {"dark": 4, "mid": 1})  # the single one trains
    images = opened(data, monitor="auroc")
    assert images.monitor == "loss"
    assert images.notes[-1] == "so there is no auroc, and the loss chooses the best epoch"
    assert opened(data, monitor="macro_f1").monitor == "macro_f1"


@pytest.mark.parametrize(
    "classes",
    [
        ("left", "right"),
        ("L", "R"),
        ("OD", "OS"),
        ("background", "left kidney", "right kidney", "liver"),
        ("lung_L", "lung_R"),
        ("lungLeft", "lungRight"),
        ("leftlung", "rightlung"),
        ("Hippocampus-L", "Hippocampus-R"),
        ("LCC", "RCC"),
        ("dense_LCC", "dense_RCC"),
        ("RMLO", "LMLO"),
        ("Niere links", "Niere rechts"),
    ],
)
def test_classes_named_by_their_side_are_said(classes: tuple[str, ...]) -> None:
    (note,) = sided(classes)
    assert "--no-flip" in note


@pytest.mark.parametrize(
    "classes",
    [
        ("cat", "dog"),
        ("light", "right"),
        ("lice", "rice"),
        ("left", "left atrium"),
        ("bright", "dark"),
        ("l", "m"),
        ("LGG", "HGG"),
        ("lock", "rock"),
        ("level 1", "level 2"),
    ],
)
def test_other_classes_are_not(classes: tuple[str, ...]) -> None:
    assert sided(classes) == []


def test_sides_are_said_only_where_images_are_mirrored(tmp_path: Path) -> None:
    data = write_shades(tmp_path, {"left": 4, "right": 4})
    assert len(opened(data).notes) == 1
    assert opened(data, flip=False).notes == opened(data, augment="none").notes == ()
