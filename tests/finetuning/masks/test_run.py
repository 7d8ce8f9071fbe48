"""Fine-tuning on masks from images to a folder: interrupted and not, refused, loaded again."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file
from torch import nn

import acrank
from acrank.errors import ConfigError, ModelError
from acrank.finetuning.inputs import find_backbone, open_images
from acrank.finetuning.loop import LogRow, Training
from acrank.finetuning.masks.judge import predicted
from acrank.finetuning.masks.overlap import overlaps
from acrank.finetuning.network import Network
from acrank.finetuning.result import Finetuned
from acrank.finetuning.run import finetune, prepare
from acrank.finetuning.state import load_state
from acrank.tasks.kinds.masks import MASKS
from tests.finetuning.masks.discs import config, write_discs

FILES = ("model.safetensors", "decoder.safetensors")


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_discs(tmp_path_factory.mktemp("discs"))


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_discs(tmp_path_factory.mktemp("others"), 4, seed=1)


class StopError(Exception):
    """A kill between two epochs."""


def weights(done: Finetuned) -> dict[str, torch.Tensor]:
    return {f"{name}:{k}": v for name in FILES for k, v in load_file(done.folder / name).items()}


def test_stopped_and_called_again_it_ends_as_if_never_stopped(discs: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"method": "ac-norm", "ema": 0.9, "class_weights": "balanced"}

    def stop(row: LogRow, epochs: int) -> None:
        raise StopError

    whole = finetune(config(discs, label_smoothing=0.1, **settings), tmp_path / "whole")
    with pytest.raises(StopError):
        finetune(config(discs, label_smoothing=0.1, **settings), tmp_path / "again", say=stop)
    again = finetune(config(discs, label_smoothing=0.1, **settings), tmp_path / "again")
    assert whole.record == again.record
    one, other = weights(whole), weights(again)
    assert all(torch.equal(one[k], other[k]) for k in one | other)
    assert load_state(again.folder, "") is None


def test_it_learns_and_the_folder_says_so(discs: Path, others: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"epochs": 6, "augment": "none", "method": "ac-norm", "lr": 0.01}
    done = finetune(config(discs, test=str(others), **given), tmp_path)
    assert done.record["val"]["dice"] > 0.4  # calling all of it foreground gives less than 0.3
    assert done.record["config"]["monitor"] == "dice"
    best = done.log[done.record["best_epoch"] - 1]
    assert best["val_dice"] == pytest.approx(done.record["val"]["dice"], abs=0.02)
    rows = list(csv.DictReader((tmp_path / "cases.csv").read_text().splitlines()))
    assert len(rows) == 2 + 4
    mean = np.mean([float(row["dice"]) for row in rows if row["part"] == "test"])
    assert mean == pytest.approx(done.record["test"]["dice"])
    classes = list(csv.DictReader((tmp_path / "classes.csv").read_text().splitlines()))
    assert [(row["part"], row["class"], row["images"]) for row in classes] == [
        ("val", "foreground", "2"),
        ("test", "foreground", "4"),
    ]
    _loads(others, tmp_path, {row["image"]: row for row in rows if row["part"] == "test"})
    (tmp_path / "segmenter.json").unlink()
    with pytest.raises(ModelError, match="holds no segmenter"):
        acrank.load_segmenter(tmp_path)


def _loads(others: Path, folder: Path, rows: dict[str, dict[str, str]]) -> None:
    """The segmenter finds again what the table says; timm alone loads its encoder."""
    from PIL import Image

    segmenter = acrank.load_segmenter(folder)
    assert segmenter.classes == ("background", "foreground")
    with torch.no_grad():
        for key, row in rows.items():
            image = Image.open(others / "images" / f"{key}.png")
            truth = np.asarray(Image.open(others / "masks" / f"{key}.png")) // 255
            square = np.asarray(image.resize((32, 32), Image.Resampling.BICUBIC)) / 255
            pixels = (square - segmenter.mean) / segmenter.std
            images = torch.from_numpy(pixels).float().permute(2, 0, 1)[None]
            assert segmenter(images).shape == (1, 2, 32, 32)
            guess = predicted(segmenter.network(images)[0], truth.shape)
            found = overlaps(guess, torch.from_numpy(truth), (1,))[0]
            assert found[0] == pytest.approx(float(row["dice"]), abs=0.02)
        encoder = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
        assert encoder(images).shape == (1, 64)
    assert json.loads((folder / "config.json").read_text())["pretrained_cfg"]["input_size"] == [
        *(3, 32, 32)
    ]


def test_several_classes_have_their_columns(tmp_path: Path) -> None:
    folder = write_discs(tmp_path / "ring", 8, ring=True)
    done = finetune(config(folder, epochs=1, decoder="deeplabv3plus"), tmp_path / "out")
    val = done.record["val"]
    assert val["dice"] == pytest.approx(np.mean([val["dice_1"], val["dice_2"]]))
    assert {"val_iou_1", "val_hd95_2"} <= done.log[0].keys()


METHODS = ("head", "bn-only", "l2-sp", "bss", "stochnorm", "delta")


@pytest.mark.parametrize("method", METHODS)
def test_methods_train_what_they_say(method: str, discs: Path) -> None:
    options = {"attention_images": 2} if method == "delta" else {}
    settings = config(discs, method=method, options=options).for_task(MASKS)
    images = open_images(settings)
    training, network = prepare(settings, images, find_backbone(settings), torch.device("cpu"))
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    row = training.run_epoch()
    assert np.isfinite(float(row["train_loss"]))
    moved = {n for n, p in network.named_parameters() if not torch.equal(p.detach(), before[n])}
    assert any(name.startswith("head.") for name in moved)
    encoder = {name for name in moved if name.startswith("backbone.")}
    if method == "head":
        assert not encoder
    elif method == "bn-only":
        assert encoder == _affines(network)
    else:
        assert len(encoder) > len(_affines(network))
        _adds_to_the_loss(training, network, method)


def _affines(network: Network) -> set[str]:
    return {
        f"backbone.{name}.{part}"
        for name, module in network.backbone.named_modules()
        if isinstance(module, nn.BatchNorm2d)
        for part in ("weight", "bias")
    }


def _adds_to_the_loss(training: Training, network: Network, method: str) -> None:
    images, labels = next(training.setup.training.epoch(0))
    features, _ = network.outputs(images)
    assert features.shape == (4, 64)
    found = training.setup.method.penalty(network, images, features, labels)
    assert (found is None) == (method == "stochnorm")
    assert found is None or float(found.detach()) > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "co-tuning"}, "With masks there are full, ac-norm"),
        ({"monitor": "accuracy"}, "not a measure of segmentation. It has dice, iou, hd95, loss"),
        ({"augment": "timm"}, "transforms images without their masks"),
        ({"image_size": 1024}, "image_size is 1024"),
    ],
)
def test_what_masks_have_not(
    settings: dict[str, Any], message: str, discs: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        finetune(config(discs, **settings), tmp_path)


def test_classes_have_no_dice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--monitor dice is not a measure of classification"):
        acrank.finetune("demo", "demo-mixed", tmp_path, "demo", monitor="dice")
