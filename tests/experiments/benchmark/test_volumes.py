"""Experiments on volumes: which train and test, in which voxels, and what is predicted."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acrank.data.volumes import VolumeTarget, open_volumes
from acrank.errors import ConfigError, DataError
from acrank.experiments.benchmark.config import BenchmarkConfig, make_benchmark_config
from acrank.experiments.benchmark.datasets import common_task, prepare_datasets
from acrank.experiments.benchmark.run import _scoring, experiment
from acrank.experiments.parts.base import Dataset
from acrank.report.builders.experiment import ExperimentReport
from acrank.report.builders.experiment_words import summary
from acrank.report.renderers.markdown import to_markdown
from acrank.tasks.kinds.masks import MASKS
from acrank.tasks.kinds.volumes import VOLUMES
from tests.data.volumes.builders import box, fill, noise, save
from tests.finetuning.masks.discs import write_discs
from tests.finetuning.volumes.boxes import ZOO, write_boxes

NAMES = {"background": 0, "anterior": 1, "posterior": 2}
BOTH = {f"case{index}": (1, 2) for index in range(6)}


def config(*folders: Path, **settings: Any) -> BenchmarkConfig:
    given: dict[str, Any] = {
        **{"data": tuple(map(str, folders)), "models": ("encoder",), "metrics": ("log_me",)},
        **{"epochs": 1, "threads": 1, "trust_code": True},
    }
    return make_benchmark_config({**given, **settings})


def prepared(folder: Path, output: Path, **settings: Any) -> Dataset:
    given = config(folder, **settings).for_task(VOLUMES)
    (found,) = prepare_datasets(given, output)
    return found


def opened(found: Dataset) -> tuple[VolumeTarget, VolumeTarget]:
    """Both parts, as scoring and fine-tuning open them."""
    training = open_volumes(str(found.train))
    return training, open_volumes(str(found.test), training.class_map)


def keys(target: VolumeTarget) -> set[str]:
    return {case.key for case in target.items}


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six volumes of three classes to train on, and three to test on."""
    folder = tmp_path_factory.mktemp("data") / "boxes"
    write_boxes(folder / "train", 6)
    write_boxes(folder / "val", 3, seed=1)
    return folder


def test_test_volumes_are_those_beside(boxes: Path, tmp_path: Path) -> None:
    found = prepared(boxes, tmp_path)
    assert found.images == (6, 3)
    training, tested = opened(found)
    assert training.classes == tested.classes == ("0", "1", "2")
    (link,) = tested.items[0].images
    assert link.resolve() == boxes / "val" / "images" / "box0.nii.gz"
    # fewer, and what is linked no longer is gone
    fewer = prepared(boxes, tmp_path, samples=4)
    assert fewer.images == (4, 3)
    assert keys(opened(fewer)[0]) < keys(training)
    assert prepared(boxes, tmp_path).images == (6, 3)


def write_described(root: Path, content: dict[str, Any]) -> None:
    (root / "dataset.json").write_text(json.dumps(content))


def test_nnu_net_has_a_file_a_channel(tmp_path: Path) -> None:
    root = tmp_path / "Dataset001"
    fill(root, BOTH, ("imagesTr", "labelsTr"))
    for index, name in enumerate(BOTH):
        image = root / "imagesTr" / f"{name}.nii.gz"
        image.rename(image.with_name(f"{name}_0000.nii.gz"))
        save(root / "imagesTr" / f"{name}_0001.nii.gz", noise(10 + index))
    write_described(root, {"labels": NAMES, "channel_names": {"0": "T1", "1": "T2"}})
    found = prepared(root, tmp_path / "out", test_share=0.34)
    assert found.images == (4, 2)
    training, tested = opened(found)
    assert training.classes == tested.classes == tuple(NAMES)
    assert training.channels == tested.channels == 2
    assert not keys(training) & keys(tested)
    assert keys(training) | keys(tested) == set(BOTH)


def test_the_decathlon_has_channels_in_one_file(tmp_path: Path) -> None:
    root = fill(tmp_path / "Task01", BOTH, ("imagesTr", "labelsTr"))
    for index, name in enumerate(BOTH):
        save(root / "imagesTr" / f"{name}.nii.gz", np.stack([noise(index), noise(9)], axis=3))
    labels = {str(code): name for name, code in NAMES.items()}
    write_described(root, {"labels": labels, "modality": {"0": "FLAIR", "1": "T2"}})
    training, tested = opened(prepared(root, tmp_path / "out"))
    assert (training.channels, training.classes) == (2, tuple(NAMES))
    assert keys(tested)
    # a dataset of that name that says it otherwise
    (root / "dataset.json").unlink()
    (root / "classes.yaml").write_text("classes: {none: 0, one: 1, two: 2}\n")
    fill(root, BOTH, ("imagesTr", "labelsTr"))
    training, tested = opened(prepared(root, tmp_path / "out"))
    assert training.classes == tested.classes == ("none", "one", "two")


def test_rare_classes_stay_in_the_training_part(tmp_path: Path) -> None:
    root = fill(tmp_path / "rare", {f"case{i}": (1, 2) if i == 3 else (1,) for i in range(8)})
    for samples in (None, 4):
        found = prepared(root, tmp_path / "out", samples=samples, test_share=0.4)
        assert "case3" in keys(opened(found)[0])
    # where a class is lost all the same, it is said which
    for index in range(8):
        save(root / "labels" / f"case{index}.nii.gz", box((index % 5 + 1,)))
    with pytest.raises(DataError, match="no training mask holds"):
        prepared(root, tmp_path / "out", samples=4, test_share=0.4)


def test_test_labels_may_lack_classes_but_have_no_others(tmp_path: Path) -> None:
    root = tmp_path / "parts"
    fill(root / "train", BOTH)
    fill(root / "test", {"a": (1,), "b": ()})
    assert opened(prepared(root, tmp_path / "out"))[1].classes == ("0", "1", "2")
    (root / "test" / "classes.yaml").write_text("classes: {a: 0, b: 1}\n")
    with pytest.raises(DataError, match="has the classes a, b, the training volumes have 0, 1, 2"):
        prepared(root, tmp_path / "out")
    (root / "test" / "classes.yaml").unlink()
    for name in ("a", "b"):
        save(root / "test" / "images" / f"{name}_0001.nii.gz", noise(5))
        image = root / "test" / "images" / f"{name}.nii.gz"
        image.rename(image.with_name(f"{name}_0000.nii.gz"))
    with pytest.raises(DataError, match="has the channels 2, the training volumes have 1"):
        prepared(root, tmp_path / "out")


def test_the_voxels_are_those_of_the_training_part(tmp_path: Path) -> None:
    root = tmp_path / "coarse"
    fill(root / "train", BOTH, affine=np.diag([0.5, 0.5, 0.5, 1]))
    fill(root / "test", BOTH, affine=np.diag([2.0, 2.0, 2.0, 1]))
    found = prepared(root, tmp_path / "out", window=(80, 120))
    assert found.settings({}) == {"patch": (16, 16, 16), "spacing": (0.5, 0.5, 0.5)}
    coarser = prepared(root, tmp_path / "out", spacing=0.25)
    assert coarser.settings({}) == {"patch": (32, 32, 32), "spacing": (0.25, 0.25, 0.25)}
    # what has its own geometry settles the rest of it
    given = config(root, spacing=0.25, window=(80, 120), score={"patch": 16})
    scoring = _scoring(given.for_task(VOLUMES), coarser)
    assert (scoring.patch, scoring.spacing, scoring.window) == ((16,) * 3, (0.25,) * 3, (80, 120))


def test_images_and_volumes_do_not_go_together(boxes: Path, tmp_path: Path) -> None:
    discs = write_discs(tmp_path / "discs", 2)
    assert common_task(config(boxes)) is VOLUMES
    assert common_task(config(discs)) is MASKS
    with pytest.raises(ConfigError, match=r"discs has images and .*boxes has volumes"):
        common_task(config(boxes, discs))


def test_usual_settings_are_those_of_volumes() -> None:
    found = make_benchmark_config({"data": ("x",)}).for_task(VOLUMES)
    assert (found.measure, found.batch_size, found.score_samples) == ("dice", 2, 32)
    with pytest.raises(ConfigError, match="--image-size is for images, and the data are volumes"):
        config(Path("x"), image_size=64).for_task(VOLUMES)
    with pytest.raises(ConfigError, match="--patch is for volumes, and the data are images"):
        config(Path("x"), patch=16).for_task(MASKS)


@pytest.mark.parametrize(
    ("method", "options"), [("full", {}), ("ac-norm", {"norms": "affine"}), ("l2-sp", {})]
)
def test_norms_reach_methods_that_are_about_them(method: str, options: dict[str, str]) -> None:
    given = config(Path("x"), method=method, norms="mixed")
    assert given.finetuning(data="x", model="m", seed=0, lr=None).options == options


def test_dice_of_volumes_is_predicted(boxes: Path, tmp_path: Path, in_this_process: None) -> None:
    zoo = tmp_path / "zoo.yaml"
    zoo.write_text(ZOO)
    said: list[str] = []
    given = config(boxes, zoo=str(zoo), seeds=2, samples=5, lrs=(0.02,))
    done = experiment(given, tmp_path / "study", say=said.append)
    cells = list(csv.DictReader((tmp_path / "study" / "cells.csv").read_text().splitlines()))
    assert [cell["reason"] for cell in cells] == ["", ""]
    expected = np.mean([float(cell["test_dice"]) for cell in cells])
    assert done.accuracies["boxes", "encoder"] == pytest.approx(expected)
    assert "test Dice" in said[0]
    # scoring and fine-tuning saw the same voxels
    scored = done.rankings["boxes"].record
    assert scored["dataset"]["images"] == 5
    tuned = json.loads(next((tmp_path / "study").rglob("finetune.json")).read_text())["config"]
    for settings in (scored["config"], tuned):
        assert (settings["patch"], settings["spacing"]) == ([16, 16, 16], [1, 1, 2])
    kept = json.loads((tmp_path / "study" / "experiment.json").read_text())["volumes"]
    assert kept == {"boxes": {"patch": [16, 16, 16], "spacing": [1, 1, 2], "window": None}}
    text = to_markdown(ExperimentReport(done).page())
    assert "mean Dice of the foreground classes over the test volumes" in text
    facts = dict(summary(done))
    assert facts["patches"] == "boxes: 16 x 16 x 16 voxels of 1 x 1 x 2 mm"
    assert facts["volumes (training + test)"] == "boxes: 5 + 3"
    # again: nothing is run twice
    experiment(given, tmp_path / "study", say=said.append)
    assert [line.endswith("(kept)") for line in said[2:]] == [True, True]
