"""What a fine-tuning says of the images that it reads."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from acrank.errors import ConfigError, DataError
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


def table(folder: Path, name: str, patients: Sequence[str], start: int = 0) -> str:
    """A CSV file of as many images as patients, of two classes in turn."""
    rows = []
    for number, patient in enumerate(patients, start):
        (folder / f"{number}.png").write_bytes(encoded(noise(number)))
        rows.append(f"{number}.png,{'ab'[number // 2 % 2]},{patient}")
    file = folder / name
    file.write_text("\n".join(["path,label,patient", *rows]) + "\n")
    return str(file)


PATIENTS = [f"p{number % 7}" for number in range(28)]


@pytest.mark.parametrize("seed", range(4))
def test_no_group_is_split(seed: int, tmp_path: Path) -> None:
    data = table(tmp_path, "data.csv", PATIENTS)
    given = {"data": data, "model": "x", "group_column": "patient", "seed": seed}
    found = open_images(make_finetune_config(given))
    assert "7 groups by patient; no group is split" in found.notes
    training, validation = set(found.training.groups), set(found.validation.groups)
    assert not training & validation
    assert training | validation == set(PATIENTS)
    assert all(set(part.labels) == {0, 1} for part in (found.training, found.validation))


def test_images_without_a_group_are_split_one_by_one(tmp_path: Path) -> None:
    data = table(tmp_path, "data.csv", [*PATIENTS[:14], *[""] * 14])
    told = notes(data=data, group_column="patient")
    assert f"14 of 28 images of {data} have no patient: each is its own group." in told
    assert "21 groups by patient; no group is split" in told


def test_a_group_in_training_and_test_is_refused(tmp_path: Path) -> None:
    data = table(tmp_path, "data.csv", PATIENTS)
    other = table(tmp_path, "other.csv", ["q1", "q2", "q1", "q2"], 28)
    shared = table(tmp_path, "shared.csv", ["q3", "p1", "q3", "p6"], 32)
    given = {"data": data, "group_column": "patient"}
    assert "7 groups by patient; no group is split" in notes(**given, val=other)
    for part, message in (
        ({"test": shared}, r"--test has images of 2 group\(s\) by patient that --data has too"),
        ({"val": shared}, r"--val has .* that --data has too: 'p1', 'p6'"),
        ({"val": other, "test": other}, r"--test has .* that --val has too: 'q1', 'q2'"),
    ):
        with pytest.raises(DataError, match=message):
            notes(**given, **part)


def test_images_that_can_have_no_groups_are_said(tmp_path: Path) -> None:
    data = table(tmp_path, "data.csv", PATIENTS)
    folder = fill_folder(tmp_path / "elsewhere", {"a": 3, "b": 3})
    told = notes(data=data, group_column="patient", test=str(folder))
    assert ("--test is no table: whether it has groups of --data by patient is not known") in told
    for other in (folder, write_discs(tmp_path / "discs", 4)):
        with pytest.raises(ConfigError, match="--group-column patient is a column of a table"):
            notes(data=str(other), group_column="patient")


@pytest.mark.parametrize(
    ("patients", "message"),
    [
        (["p1"] * 8, "the column 'patient' has one group alone"),
        ([""] * 8, "the column 'patient' names no group"),
        (["p1", "p1", "p2", "p2"] * 2, "No group can be kept for validation"),
    ],
)
def test_groups_that_cannot_be_split(patients: Sequence[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        notes(data=table(tmp_path, "data.csv", patients), group_column="patient")
