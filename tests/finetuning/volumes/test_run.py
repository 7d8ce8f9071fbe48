"""Fine-tuning on volumes from files to a folder: interrupted and not, refused, loaded again."""

import csv
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import acrank
from acrank.data.volumes.intensity import standardise
from acrank.errors import ConfigError, DataError, ModelError
from acrank.finetuning.inputs import find_backbone, open_images
from acrank.finetuning.loop import LogRow
from acrank.finetuning.masks.judge import predicted
from acrank.finetuning.masks.overlap import overlaps
from acrank.finetuning.result import Finetuned
from acrank.finetuning.run import finetune, prepare, with_task
from acrank.report.builders.finetuning_figures import cases
from tests.finetuning.volumes.boxes import config, write_boxes

FILES = ("model.safetensors", "decoder.safetensors")
OWN: dict[str, Any] = {"spacing": [1, 1, 2], "epochs": 8, "method": "ac-norm", "lr": 0.02}


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_boxes(tmp_path_factory.mktemp("boxes"))


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_boxes(tmp_path_factory.mktemp("others"), 3, seed=1)


@pytest.fixture(scope="module")
def done(boxes: Path, others: Path, tmp_path_factory: pytest.TempPathFactory) -> Finetuned:
    return finetune(config(boxes, test=str(others), **OWN), tmp_path_factory.mktemp("out") / "out")


class StopError(Exception):
    """A kill between two epochs."""


def table(done: Finetuned, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((done.folder / name).read_text().splitlines()))


def test_it_learns_and_the_folder_says_so(done: Finetuned) -> None:
    assert done.record["val"]["dice"] > 0.25  # a random class for each voxel gives less than 0.1
    assert done.record["config"]["batch_size"] == 2
    assert done.record["config"]["spacing"] == [1, 1, 2]
    assert done.record["not_for_timm"]
    rows = table(done, "cases.csv")
    assert len(rows) == 2 * (1 + 3)
    mean = np.mean([float(row["dice"]) for row in rows if row["part"] == "test"])
    assert mean == pytest.approx(done.record["test"]["dice"])
    assert [row["class"] for row in table(done, "classes.csv")] == ["1", "2", "1", "2"]


def test_it_can_be_loaded_again(done: Finetuned, others: Path, tmp_path: Path) -> None:
    segmenter = acrank.load_segmenter(done.folder, trust_code=True)
    assert (segmenter.patch, segmenter.spacing, segmenter.window) == ((16,) * 3, (1, 1, 2), None)
    with pytest.raises(ModelError, match="trust-code"):
        acrank.load_segmenter(done.folder)
    wanted = ("test", "2")
    for row in (row for row in table(done, "cases.csv") if (row["part"], row["class"]) == wanted):
        files = [others / part / f"{row['image']}.nii.gz" for part in ("images", "labels")]
        image, truth = (np.asarray(nibabel.load(file).dataobj) for file in files)
        voxels = torch.from_numpy(standardise(image.astype(np.float32), None))[None, None]
        with torch.no_grad():
            guess = predicted(segmenter(voxels)[0], truth.shape)
        known = overlaps(guess, torch.from_numpy(truth), (2,), (1, 1, 2))[0]
        # a voxel where two classes are nearly as likely may fall to the other by another kernel
        for name, value, near in zip(("dice", "iou", "hd95"), known, (0.03, 0.03, 3), strict=True):
            assert value == pytest.approx(float(row[name]), abs=near)


def test_cases_are_drawn_in_three_planes(done: Finetuned) -> None:
    with np.load(done.folder / "cases.npz") as pictures:
        image, truth, guess = (pictures[f"{name}0"] for name in ("image", "truth", "guess"))
    assert image.shape == (*truth.shape, 3)
    assert truth.shape == guess.shape
    assert truth.shape[1] == 3 * truth.shape[0]
    for plane in np.split(truth, 3, axis=1):
        assert 1 in plane or 2 in plane
    assert len(cases(done).draw().axes) == 3


def test_stopped_and_called_again_it_ends_as_if_never_stopped(boxes: Path, tmp_path: Path) -> None:
    def stop(row: LogRow, epochs: int) -> None:
        raise StopError

    settings = config(boxes, method="ac-norm", class_weights="balanced", ema=0.9)
    whole = finetune(settings, tmp_path / "whole")
    with pytest.raises(StopError):
        finetune(settings, tmp_path / "again", say=stop)
    again = finetune(settings, tmp_path / "again")
    assert whole.record == again.record
    for name in FILES:
        one, other = (load_file(run.folder / name) for run in (whole, again))
        assert all(torch.equal(one[key], other[key]) for key in one | other)


@pytest.mark.parametrize("method", ["head", "bn-only", "l2-sp", "bss", "stochnorm", "delta"])
def test_methods_train_what_they_say(method: str, boxes: Path) -> None:
    options = {"attention_images": 2} if method == "delta" else {}
    settings = with_task(config(boxes, method=method, options=options, model="encoder"))[0]
    images = open_images(settings)
    training, network = prepare(settings, images, find_backbone(settings), torch.device("cpu"))
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    row = training.run_epoch()
    assert np.isfinite(float(row["train_loss"]))
    moved = {n for n, p in network.named_parameters() if not torch.equal(p.detach(), before[n])}
    assert any(name.startswith("head.") for name in moved)
    encoder = {name for name in moved if name.startswith("backbone.")}
    norms = {f"backbone.layers.{at}.{part}" for at in (1, 4) for part in ("weight", "bias")}
    expected = {"head": set(), "bn-only": norms}
    assert encoder == expected.get(method, encoder)
    assert method in expected or len(encoder) > len(norms)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "co-tuning"}, "With masks there are full, ac-norm"),
        ({"image_size": 64}, "--image-size is for images, and the data are volumes"),
        ({"decoder": "fpn"}, "--decoder fpn is for images"),
        ({"patch": 20}, "'patch' is 20"),
        ({"window": [3, 2]}, "write it as LOW,HIGH"),
    ],
)
def test_what_volumes_have_not(
    settings: dict[str, Any], message: str, boxes: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        finetune(config(boxes, **settings), tmp_path)


def test_validation_volumes_have_the_same_classes(boxes: Path, tmp_path: Path) -> None:
    other = write_boxes(tmp_path / "val", 2, seed=1)
    images = open_images(config(boxes, val=str(other)))
    assert (len(images.training), len(images.validation)) == (6, 2)
    assert images.validation.spacing == images.training.spacing
    names = {"labels": {"background": 0, "head": 1, "body": 2}, "channel_names": {"0": "MRI"}}
    (other / "dataset.json").write_text(json.dumps({**names, "file_ending": ".nii.gz"}))
    with pytest.raises(DataError, match="background, head, body, the training volumes have 0, 1"):
        open_images(config(boxes, val=str(other)))
