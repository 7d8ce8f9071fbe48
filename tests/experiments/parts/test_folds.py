"""Folds of classes, masks and volumes: what each tests, and what is refused."""

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from acrank.data import draw_sample, open_target, whole_sample
from acrank.data.segmentation import open_segmentation, whole_segmentation
from acrank.data.volumes import open_volumes
from acrank.errors import ConfigError, DataError
from acrank.experiments.parts.base import Dataset, PartSettings
from acrank.experiments.parts.dealing import Deck
from acrank.experiments.parts.folds import folds_of
from acrank.finetuning.classes import TUNING
from acrank.finetuning.config import make_finetune_config
from acrank.finetuning.inputs import open_images
from tests.data.builders import fill_folder
from tests.finetuning.masks.discs import write_discs
from tests.finetuning.volumes.boxes import write_boxes

COUNTS = {"a": 13, "b": 7, "c": 4}


def folds(data: Path | str, folder: Path, count: int = 3, **settings: Any) -> list[Dataset]:
    seed = settings.pop("seed", 0)
    return folds_of(str(data), "auto", PartSettings(**settings), count, seed, folder)


def listed(file: Path) -> dict[str, str]:
    """Images of a list by what they are labelled."""
    with file.open(newline="") as lines:
        return {row["path"]: row["label"] for row in csv.DictReader(lines)}


def linked(folder: Path) -> set[str]:
    """Names of the images, each of which has its mask or labels beside it."""
    first, second = (
        {link.name for link in (folder / part).iterdir()}
        for part in ("images", "masks" if (folder / "masks").is_dir() else "labels")
    )
    assert first == second
    return first


def disjoint(parts: Iterable[Iterable[str]]) -> set[str]:
    """All of what the parts have, each in one part alone."""
    counts = Counter(key for part in parts for key in part)
    assert set(counts.values()) == {1}
    return set(counts)


def test_folds_of_classes_are_disjoint_whole_and_stratified(tmp_path: Path) -> None:
    data = fill_folder(tmp_path / "data", COUNTS)
    found = folds(data, tmp_path / "out")
    assert [fold.name for fold in found] == ["data-fold1", "data-fold2", "data-fold3"]
    tested, trained = ([listed(getattr(f, p)) for f in found] for p in ("test", "train"))
    everything = {str(file) for file in data.rglob("*.png")}
    assert disjoint(tested) == everything
    for fold, test, train in zip(found, tested, trained, strict=True):
        assert disjoint((test, train)) == everything
        assert fold.images == (len(train), len(test)) == (16, 8)
        counts = Counter(test.values())
        assert all(abs(counts[label] - COUNTS[label] / 3) < 1 for label in COUNTS)


def test_the_same_call_writes_the_same_and_another_seed_does_not(tmp_path: Path) -> None:
    data = fill_folder(tmp_path / "data", COUNTS)
    first = [fold.test.read_bytes() for fold in folds(data, tmp_path / "out")]
    assert [fold.test.read_bytes() for fold in folds(data, tmp_path / "out")] == first
    assert [fold.test.read_bytes() for fold in folds(data, tmp_path / "there", seed=1)] != first


def test_fewer_images_are_those_that_a_fine_tuning_draws(tmp_path: Path) -> None:
    data = fill_folder(tmp_path / "data", COUNTS)
    found = folds(data, tmp_path / "out", samples=12, seed=5)
    tested = disjoint(listed(fold.test) for fold in found)
    settings = {"data": str(data), "model": "x", "samples": 12, "seed": 5}
    read, _ = TUNING.read(make_finetune_config(settings), str(data), None, "--data")
    assert {str(Path(path).relative_to(data)) for path in tested} == set(read.keys)
    assert read.keys == whole_sample(open_target(str(data)), 12, 5).keys


def test_a_fold_is_trained_on_and_tested(tmp_path: Path) -> None:
    fold = folds(fill_folder(tmp_path / "data", COUNTS), tmp_path / "out")[0]
    given = {"data": str(fold.train), "test": str(fold.test), "model": "x", "val_share": 0.25}
    read = open_images(make_finetune_config(given))
    assert len(read.training) + len(read.validation) == fold.images[0]
    assert read.test is not None
    assert len(read.test) == fold.images[1]
    assert not set(read.test.digests) & {*read.training.digests, *read.validation.digests}


def test_images_without_files_are_written_once(tmp_path: Path) -> None:
    found = folds("demo", tmp_path, 2, samples=40)
    tested = disjoint(listed(fold.test) for fold in found)
    assert {f"../images/{file.name}" for file in (tmp_path / "images").iterdir()} == tested
    assert len(tested) == 40
    assert len(draw_sample(open_target(str(found[0].train)), 8, 4, 0)) == 8


def test_folds_of_images_without_files_are_the_same_in_any_folder(tmp_path: Path) -> None:
    """Validation images are drawn by their paths in the lists."""
    here, there = (folds("demo", tmp_path / name, 2, samples=20) for name in ("here", "there"))
    assert [fold.train.read_bytes() for fold in here] == [f.train.read_bytes() for f in there]


def test_folds_of_masks(tmp_path: Path) -> None:
    data = write_discs(tmp_path / "discs", 8, ring=True)
    said: list[str] = []
    found = folds_of(str(data), "auto", PartSettings(), 4, 0, tmp_path / "out", said.append)
    assert "8 in 4 folds, of which each tests on 2" in said
    assert [fold.images for fold in found] == [(6, 2)] * 4
    assert len(disjoint(linked(fold.test) for fold in found)) == 8
    for fold in found:
        assert len(disjoint((linked(fold.test), linked(fold.train)))) == 8
        assert open_segmentation(str(fold.train)).classes == ("0", "1", "2")
    fewer = folds(data, tmp_path / "out", 2, samples=5, seed=3)
    sample = whole_segmentation(open_segmentation(str(data)), 5, 3, 32)
    assert disjoint(linked(fold.test) for fold in fewer) == {f"{key}.png" for key in sample.keys}


def test_masks_are_stratified_by_their_rarest_class(tmp_path: Path) -> None:
    data = write_discs(tmp_path / "discs", 9)
    for index in range(9):  # three of nine hold the rare class
        mask = np.zeros((48, 60), np.uint8)
        mask[:9] = 1
        mask[-9:] = 2 if index < 3 else 0
        Image.fromarray(mask).save(data / "masks" / f"disc{index}.png")
    rare = {f"disc{index}.png" for index in range(3)}
    for seed in range(3):
        found = folds(data, tmp_path / "out", 3, seed=seed)
        assert [len(linked(fold.test) & rare) for fold in found] == [1, 1, 1]


def test_folds_of_volumes_settle_what_their_training_volumes_decide(tmp_path: Path) -> None:
    data = write_boxes(tmp_path / "boxes", 6)
    found = folds(data, tmp_path / "out")
    assert [fold.images for fold in found] == [(4, 2)] * 3
    assert len(disjoint(linked(fold.test) for fold in found)) == 6
    for fold in found:
        assert fold.settled == {"patch": (16, 16, 16), "spacing": (1.0, 1.0, 2.0)}
        training = open_volumes(str(fold.train))
        assert open_volumes(str(fold.test), training.class_map).classes == training.classes
    given = folds(data, tmp_path / "out", spacing=(2.0, 2.0, 2.0), samples=4)
    assert given[0].settled["spacing"] == (2.0, 2.0, 2.0)
    assert sum(given[0].images) == 4


@pytest.mark.parametrize(
    ("counts", "count", "message"),
    [
        ({"a": 9, "b": 1}, 3, "a single image of the class 'b': one of 3 folds would have none"),
        ({"a": 2, "b": 2}, 5, "4 images cannot be dealt into 5 folds"),
        ({"a": 9, "b": 9}, 1, "18 images cannot be dealt into 1 folds"),
    ],
)
def test_what_cannot_be_dealt_is_refused(
    counts: dict[str, int], count: int, message: str, tmp_path: Path
) -> None:
    data = fill_folder(tmp_path / "data", counts)
    with pytest.raises(DataError, match=message):
        folds(data, tmp_path / "out", count)
    assert not (tmp_path / "out").exists()


def test_a_class_of_fewer_images_than_folds_is_said(tmp_path: Path) -> None:
    data = fill_folder(tmp_path / "data", {"a": 9, "b": 2})
    said: list[str] = []
    found = folds_of(str(data), "auto", PartSettings(), 4, 0, tmp_path / "out", said.append)
    assert any("4 folds are more than the images of some classes ('b' 2)" in text for text in said)
    assert all("b" in listed(fold.train).values() for fold in found)


def test_a_class_that_masks_of_one_fold_alone_hold_is_named() -> None:
    held = np.array([[1, 0, 1], [1, 1, 0], [1, 1, 0], [1, 1, 0]], dtype=bool)
    deck = Deck("scans", list("wxyz"), [2, 1, 1, 1], ("back", "cell", "scar"), held)
    with pytest.raises(DataError, match="a single image of the class 'scar'") as caught:
        deck.folds(2, 0)
    assert "fewer folds" in (caught.value.hint or "")


def test_links_do_not_go_among_the_images(tmp_path: Path) -> None:
    data = write_discs(tmp_path / "discs", 4)
    with pytest.raises(ConfigError, match="where the links to its images would be put"):
        folds(data, tmp_path, 2)


def test_settings_are_read_off_any_configuration() -> None:
    given = {"data": "x", "model": "y", "samples": 7, "window": "-160,240", "spacing": 2}
    found = PartSettings.of(make_finetune_config(given))
    assert found == PartSettings(samples=7, window=(-160, 240), spacing=(2, 2, 2))


def grouped(folder: Path, patients: Sequence[str]) -> Path:
    """A table of 24 images of three classes, and a column of patients."""
    files = sorted(fill_folder(folder / "data", COUNTS).rglob("*.png"))
    table = folder / "scans.csv"
    rows = [f"{f},{f.parent.name},{p}" for f, p in zip(files, patients, strict=True)]
    table.write_text("\n".join(["path,label,patient", *rows]) + "\n")
    return table


def patients_of(file: Path) -> set[str]:
    with file.open(newline="") as lines:
        return {row["patient"] for row in csv.DictReader(lines)}


def test_folds_keep_groups_whole_and_say_the_groups_of_their_images(tmp_path: Path) -> None:
    data = grouped(tmp_path, [f"p{number % 8}" for number in range(24)])
    said: list[str] = []
    settings = PartSettings(group_column="patient")
    found = folds_of(str(data), "auto", settings, 3, 0, tmp_path / "out", said.append)
    assert "8 groups by patient; no group is split" in said
    assert len(disjoint(patients_of(fold.test) for fold in found)) == 8
    assert len(disjoint(listed(fold.test) for fold in found)) == 24
    for fold in found:
        assert not patients_of(fold.test) & patients_of(fold.train)
        assert set(listed(fold.train).values()) == set(COUNTS)
    # the training part of a fold is split by its groups in turn
    given = {"data": str(found[0].train), "test": str(found[0].test), "model": "x"}
    read = open_images(make_finetune_config({**given, "group_column": "patient"}))
    assert not set(read.training.groups) & set(read.validation.groups)


def test_groups_that_cannot_be_dealt(tmp_path: Path) -> None:
    few = grouped(tmp_path, ["p1", "p2"] * 12)
    with pytest.raises(DataError, match="2 groups cannot be dealt into 3 folds"):
        folds(few, tmp_path / "out", group_column="patient")
    alone = grouped(tmp_path, [*(f"p{n % 5}" for n in range(20)), *["rare"] * 4])
    with pytest.raises(DataError, match="4 images, all in one group, of the class 'c'"):
        folds(alone, tmp_path / "out", group_column="patient")
    with pytest.raises(ConfigError, match="--group-column patient is a column of a table"):
        folds(write_discs(tmp_path / "discs", 4), tmp_path / "out", group_column="patient")
