"""Experiments on images with masks: which images train and test, and what is predicted."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from acrank.errors import AcrankError, ConfigError, DataError
from acrank.experiments.benchmark.config import BenchmarkConfig, make_benchmark_config
from acrank.experiments.benchmark.datasets import common_task, prepare_datasets
from acrank.experiments.benchmark.run import experiment
from acrank.experiments.parts.base import Dataset
from acrank.finetuning.masks.data import open_masks
from acrank.report.builders.experiment import ExperimentReport
from acrank.report.renderers.markdown import to_markdown
from acrank.tasks.kinds.classification import CLASSIFICATION
from acrank.tasks.kinds.masks import MASKS
from acrank.tasks.registry import task_named
from tests.finetuning.masks.discs import write_discs


def config(*folders: Path, **settings: Any) -> BenchmarkConfig:
    given: dict[str, Any] = {
        **{"data": tuple(map(str, folders)), "zoo": "demo", "models": ("demo-mixed",)},
        **{"epochs": 1, "image_size": 32, "batch_size": 4, "metrics": ("log_me",), "threads": 1},
    }
    return make_benchmark_config({**given, **settings})


def prepared(folder: Path, output: Path, **settings: Any) -> Dataset:
    given = config(folder, **settings).for_task(MASKS)
    (found,) = prepare_datasets(given, output)
    return found


def names(folder: Path) -> set[str]:
    images, masks = ({file.name for file in (folder / p).iterdir()} for p in ("images", "masks"))
    assert images == masks
    return images


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight images of three classes to train on, and five to test on."""
    folder = tmp_path_factory.mktemp("data") / "discs"
    write_discs(folder / "train", 8, ring=True)
    write_discs(folder / "val", 5, seed=1, ring=True)
    return folder


def test_test_images_are_those_beside(discs: Path, tmp_path: Path) -> None:
    found = prepared(discs, tmp_path)
    assert found.images == (8, 5)
    assert (found.test / "images" / "disc0.png").resolve() == discs / "val/images/disc0.png"
    assert not (found.test / "classes.yaml").exists()
    # fewer, and what is linked no longer is gone
    fewer = prepared(discs, tmp_path, samples=4)
    assert fewer.images == (4, 5)
    assert len(names(fewer.train)) == 4
    assert names(fewer.train) < names(discs / "train")
    assert prepared(discs, tmp_path).images == (8, 5)


def test_without_them_a_part_is_kept_back(discs: Path, tmp_path: Path) -> None:
    found = prepared(discs / "train", tmp_path, test_share=0.25)
    assert found.images == (6, 2)
    assert not names(found.train) & names(found.test)
    assert names(found.train) | names(found.test) == names(discs / "train")
    assert prepared(discs / "train", tmp_path / "again", test_share=0.25).images == (6, 2)
    assert names(tmp_path / "again/data/train/test") == names(found.test)


def blank(folder: Path, name: str, label: int, size: tuple[int, int] = (48, 60)) -> None:
    """Overwrite a mask by one of a class on background."""
    mask = np.zeros(size, np.uint8)
    mask[:9] = label
    Image.fromarray(mask).save(folder / "masks" / name)


def test_rare_classes_stay_in_the_training_part(tmp_path: Path) -> None:
    folder = write_discs(tmp_path / "rare", 8)
    for index in range(8):
        blank(folder, f"disc{index}.png", 2 if index == 5 else 1)
    found = prepared(folder, tmp_path / "out", test_share=0.5)
    assert "disc5.png" in names(found.train)
    # where a class is lost all the same, it is said which
    for index in range(8):
        blank(folder, f"disc{index}.png", index % 5 + 1)
    with pytest.raises(DataError, match="no training mask holds"):
        prepared(folder, tmp_path / "out", samples=4, test_share=0.5)


def test_test_masks_have_the_classes_of_the_training_masks(discs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "codes"
    write_discs(folder / "train", 6, ring=True)
    write_discs(folder / "val", 3)  # 0 and 255
    (folder / "val" / "classes.yaml").write_text("classes: {'0': 0, '1': 255, '2': 7}\n")
    found = prepared(folder, tmp_path / "out")
    training = open_masks(str(found.train), None, 0, 32)
    tested = open_masks(str(found.test), None, 0, 32, like=training)
    assert tested.classes == training.classes == ("0", "1", "2")
    assert set(np.unique(tested.truth(0))) == {0, 1}
    (folder / "val" / "classes.yaml").write_text("classes: {a: 0, b: 255}\n")
    with pytest.raises(DataError, match=r"has the classes a, b, the training images have 0, 1, 2"):
        prepared(folder, tmp_path / "out")


def test_other_layouts_become_links_of_equal_names_and_that_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "cells"
    for part, count in (("Train", 6), ("Valid", 3)):
        write_discs(folder / part, count, seed=count)
        (folder / part / "images").rename(folder / part / "imgs")
        for file in [*(folder / part / "masks").iterdir()]:
            file.rename(file.with_stem(f"{file.stem}_mask"))
    said: list[str] = []
    given = config(folder).for_task(common_task(config(folder)))
    (found,) = prepare_datasets(given, tmp_path / "out", said.append)
    assert found.images == (6, 3)
    assert len(names(found.train)) == 6
    assert (found.test / "masks" / "disc0.png").resolve() == folder / "Valid/masks/disc0_mask.png"
    assert any("images in imgs/, masks in masks/ (NAME_mask): 6 pairs" in line for line in said)
    assert any("(NAME_mask): 3 pairs" in line for line in said)


def test_links_to_cases_of_several_folders_keep_apart(tmp_path: Path) -> None:
    folder = tmp_path / "sites"
    for site in ("one", "two"):
        write_discs(folder / site, 4)
    found = prepared(folder, tmp_path / "out", test_share=0.25)
    assert found.images == (6, 2)
    assert {name.split("__")[0] for name in names(found.train)} == {"one", "two"}


def test_links_do_not_go_among_the_images(tmp_path: Path) -> None:
    folder = write_discs(tmp_path / "data" / "discs" / "train", 4).parent
    before = sorted(folder.rglob("*"))
    with pytest.raises(ConfigError, match="where the links to its images would be put"):
        prepared(folder, tmp_path)
    assert sorted(folder.rglob("*")) == before


def test_the_folder_for_links_can_be_made(discs: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(ConfigError, match=r"data.* cannot be used: Not a directory"):
        prepared(discs, tmp_path)


def test_one_task_in_an_experiment(discs: Path, tmp_path: Path) -> None:
    assert common_task(config(discs)) is MASKS
    (tmp_path / "classes").mkdir()
    with pytest.raises(ConfigError, match="An experiment has one task"):
        common_task(config(discs, tmp_path / "classes"))


def test_usual_settings_are_those_of_the_task() -> None:
    plain = make_benchmark_config({"data": ("x",)})
    found = plain.for_task(MASKS)
    assert (found.measure, found.batch_size, found.score_samples) == ("dice", 8, 64)
    assert plain.for_task(CLASSIFICATION).measure == "accuracy"
    chosen = config(Path("x"), measure="iou").for_task(MASKS)
    assert (chosen.measure, chosen.batch_size) == ("iou", 4)


@pytest.mark.parametrize(
    ("settings", "task", "message"),
    [
        ({"measure": "auroc"}, "segmentation", "--measure auroc is not a measure of segmentation"),
        (
            {"measure": "dice"},
            "classification",
            "--measure dice is not a measure of classification",
        ),
        ({"method": "co-tuning"}, "segmentation", "co-tuning needs a source classifier"),
        (
            {"finetune": {"augment": "timm"}},
            "segmentation",
            "transforms images without their masks",
        ),
    ],
)
def test_settings_that_the_task_has_not(settings: dict[str, Any], task: str, message: str) -> None:
    with pytest.raises(AcrankError, match=message):
        config(Path("x"), **settings).for_task(task_named(task))


def test_the_best_rate_is_by_dice_and_dice_is_predicted(
    discs: Path, tmp_path: Path, in_this_process: None
) -> None:
    said: list[str] = []
    given = config(discs, seeds=2, lrs=(0.001, 0.03), finetune={"class_weights": "balanced"})
    done = experiment(given, tmp_path / "study", say=said.append)
    cells = list(csv.DictReader((tmp_path / "study" / "cells.csv").read_text().splitlines()))
    said = [line for line in said if not line.startswith("note: ")]
    assert len(cells) == len(said) == 3
    best = max(cells[:2], key=lambda cell: (float(cell["val_dice"]), -float(cell["val_loss"])))
    assert cells[2]["lr"] == best["lr"]
    expected = np.mean([float(cell["test_dice"]) for cell in (best, cells[2])])
    assert done.accuracies["discs", "demo-mixed"] == pytest.approx(expected)
    assert f"test Dice {float(cells[0]['test_dice']):.4f}" in said[0]
    scored = done.rankings["discs"].record
    assert scored["dataset"]["images"] == 8
    assert (scored["config"]["task"], scored["config"]["image_size"]) == ("segmentation", 32)
    text = to_markdown(ExperimentReport(done).page())
    assert "predict the fine-tuned Dice?" in text
    assert "accuracies" not in text
    # again: nothing is run twice
    again: list[str] = []
    experiment(given, tmp_path / "study", say=again.append)
    kept = [line.endswith("(kept)") for line in again if not line.startswith("note: ")]
    assert kept == [True] * 3
