"""What a fine-tuning says of the images that it reads."""

from pathlib import Path

import pytest

from acrank.errors import DataError
from acrank.finetuning.config import make_finetune_config
from acrank.finetuning.inputs import open_images
from tests.data.builders import encoded, fill_folder, noise
from tests.data.sources.test_medmnist import arrays, saved
from tests.finetuning.masks.discs import write_discs


def notes(**settings: object) -> tuple[str, ...]:
    images = open_images(make_finetune_config({"model": "x", **settings}))
    return (*images.read, *images.notes)


def test_training_images_come_first(tmp_path: Path) -> None:
    fill_folder(tmp_path, {"a": 6, "b": 4})
    (tmp_path / "a" / "x.raw").write_bytes(b"x")
    assert notes(data=str(tmp_path)) == (
        "2 classes (a 6, b 4), 10 of 10 images",
        "1 file of a/ was skipped: .raw 1.",
    )
    assert notes(data=str(tmp_path), samples=4)[0] == "2 classes (a 2, b 2), 4 of 10 images"


def test_validation_and_test_images_are_said_too(tmp_path: Path) -> None:
    for part, size in (("train", 4), ("val", 2), ("test", 1)):
        fill_folder(tmp_path / part, {"a": size, "b": size})
        for number, file in enumerate(sorted((tmp_path / part).rglob("*.png"))):
            file.write_bytes(encoded(noise(100 * size + number)))
    given = {"val": str(tmp_path / "val"), "test": str(tmp_path / "test")}
    assert notes(data=str(tmp_path), **given) == (
        "2 classes (a 4, b 4), 8 of 8 images",
        "--val: 2 classes (a 2, b 2), 4 of 4 images",
        "--test: 2 classes (a 1, b 1), 2 of 2 images",
        f"{tmp_path / 'train'} is read as the training part, without test/ and val/ beside it.",
    )


def test_the_parts_of_one_file_are_used_and_said(tmp_path: Path) -> None:
    spec = saved(tmp_path, arrays(28, 28))
    told = notes(data=spec)
    assert told[1:3] == (
        "--val: 3 classes (0 2, 1 1, 2 1), 4 of 4 images",
        "--test: 3 classes (0 2, 1 2, 2 2), 6 of 6 images",
    )
    assert f"--val is the file's own part, {spec}:val" in told
    assert f"--test is the file's own part, {spec}:test" in told
    assert notes(data=spec, val=f"{spec}:test")[1].startswith("--val: 3 classes (0 2, 1 2, 2 2)")


def test_other_classes_to_test_on_are_refused(tmp_path: Path) -> None:
    fill_folder(tmp_path / "x", {"a": 3, "b": 3})
    fill_folder(tmp_path / "y", {"a": 3, "c": 3})
    with pytest.raises(DataError, match="--test has the class 'c'"):
        notes(data=str(tmp_path / "x"), test=str(tmp_path / "y"))


def test_masks_are_counted_by_the_images_that_hold_a_class(tmp_path: Path) -> None:
    write_discs(tmp_path, 6)
    (first, *_) = notes(data=str(tmp_path), image_size=32, task="segmentation")
    assert first.startswith("2 classes (")
    assert first.endswith(" 6), 6 images with masks")
