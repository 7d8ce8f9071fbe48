"""Networks that diverge: at each stage, on each kind of data, and what is left in the folder."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from acrank.errors import NotScoredError
from acrank.finetuning import loop
from acrank.finetuning.classes import Classifying
from acrank.finetuning.config import FinetuneConfig, make_finetune_config
from acrank.finetuning.inputs import find_backbone
from acrank.finetuning.masks.objective import Segmenting
from acrank.finetuning.methods.bss import spectral_shrinkage
from acrank.finetuning.objective import NotFiniteError
from acrank.finetuning.result import Finetuned
from acrank.finetuning.run import finetune
from acrank.zoo import Backbone
from tests.finetuning.diverging import KINDS, SETTINGS, STEPS, write_kind, write_zoo

IN_VALIDATION = "the outputs on validation images were not finite in epoch"


@pytest.fixture(scope="module", params=KINDS)
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_kind(tmp_path_factory.mktemp("data") / request.param, request.param)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_kind(tmp_path_factory.mktemp("data") / "images", "images")


def config(data: Path, after: int, **settings: Any) -> FinetuneConfig:
    """A fine-tuning of a network that diverges after so many steps."""
    kind = data.name
    given: dict[str, Any] = {
        **{"data": str(data), "zoo": str(write_zoo(data.parent / "zoo.yaml", kind, bad=after))},
        **{"model": "bad", "trust_code": True, "epochs": 3, "lr": 0.01, "precision": "fp32"},
    }
    return make_finetune_config({**given, **SETTINGS[kind], **settings})


def left(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


class StopError(Exception):
    """A kill between two epochs."""


def test_in_the_first_epoch_nothing_is_kept_and_the_rate_is_named(
    data: Path, tmp_path: Path
) -> None:
    for _ in range(2):  # again the same, as there is nothing to go on from
        with pytest.raises(NotScoredError) as error:
            finetune(config(data, after=1), tmp_path)
        assert str(error.value) == (
            f"bad: {IN_VALIDATION} 1, before any epoch had finite results. A smaller --lr may help."
        )
        assert not left(tmp_path)
    with pytest.raises(NotScoredError):  # not refused as another fine-tuning
        finetune(config(data, after=1, lr=0.001), tmp_path)


def test_in_a_later_epoch_the_best_one_before_is_kept(data: Path, tmp_path: Path) -> None:
    done = finetune(config(data, after=STEPS + 1), tmp_path / "whole")
    assert_first_epoch_is_kept(done)

    def stop(row: loop.LogRow, epochs: int) -> None:
        if row["epoch"] == 2:
            raise StopError

    with pytest.raises(StopError):
        finetune(config(data, after=STEPS + 1), tmp_path / "again", say=stop)
    again = finetune(config(data, after=STEPS + 1), tmp_path / "again")
    assert again.record == done.record
    assert finetune(config(data, after=STEPS + 1), tmp_path / "again").kept


def assert_first_epoch_is_kept(done: Finetuned) -> None:
    record = done.record
    assert (record["best_epoch"], len(done.log)) == (1, 2)
    assert record["stopped"] == f"{IN_VALIDATION} 2"
    assert record["diverged"]
    assert np.isfinite(record["val"]["loss"])
    assert json.loads((done.folder / "finetune.json").read_text()) == record
    rows = list(csv.DictReader((done.folder / "log.csv").read_text().splitlines()))
    assert rows[0]["val_loss"]
    assert not rows[1]["val_loss"]
    for tensor in load_file(done.folder / "model.safetensors").values():
        assert torch.isfinite(tensor).all()
    assert "state.pt" not in left(done.folder)


def test_a_training_loss_that_explodes_keeps_the_last_good_epoch(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = loop.Training._loss

    def explode(self: loop.Training, *args: Any) -> torch.Tensor:
        loss = usual(self, *args)
        return loss * float("nan") if self.epoch >= 1 else loss

    monkeypatch.setattr(loop.Training, "_loss", explode)
    done = finetune(config(images, after=100), tmp_path)
    assert done.record["best_epoch"] == 1
    assert done.record["stopped"] == "the loss was nan in epoch 2"
    assert done.record["diverged"]


@pytest.mark.parametrize("method", ["full", "bss", "delta"])
def test_a_rate_that_is_far_too_high_is_named(images: Path, method: str, tmp_path: Path) -> None:
    given = config(images, after=100, lr=1e30, warmup=0.0, method=method)
    with pytest.raises(
        NotScoredError, match=r"before any epoch had finite results\. A smaller --lr"
    ):
        finetune(given, tmp_path)
    assert not left(tmp_path)


@pytest.mark.parametrize("method", ["full", "head", "delta", "co-tuning", "bss"])
def test_weights_that_are_not_finite_are_not_blamed_on_the_rate(
    images: Path, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoiled(config: FinetuneConfig) -> Backbone:
        backbone = find_backbone(config)
        with torch.no_grad():
            next(backbone.model.parameters()).fill_(torch.nan)
        return backbone

    monkeypatch.setattr("acrank.finetuning.run.find_backbone", spoiled)
    given = config(images, after=0, method=method, zoo="demo", model="demo-mixed")
    with pytest.raises(NotScoredError, match=r"not finite|loss was nan before") as error:
        finetune(given, tmp_path)
    assert "--lr" not in str(error.value)


def test_test_images_alone_cost_no_weights(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Classifying.judge

    def judge(self: Classifying, network: Any, images: Any, autocast: Any) -> Any:
        if len(images) == 20:
            raise NotFiniteError("The network's outputs are not finite.")
        return usual(self, network, images, autocast)

    monkeypatch.setattr(Classifying, "judge", judge)
    test = write_kind(tmp_path / "test", "images")
    done = finetune(config(images, after=100, epochs=1, test=str(test)), tmp_path / "out")
    assert "test" not in done.record
    assert "test images are not finite" in done.record["not_tested"]
    assert (done.folder / "model.safetensors").is_file()


def test_shrinkage_of_what_is_not_finite_is_nan() -> None:
    assert torch.isnan(spectral_shrinkage(torch.tensor([[1.0, torch.inf], [0.0, 1.0]])))


def test_a_batch_to_be_ignored_as_a_whole_is_no_divergence() -> None:
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    labels = torch.full((2, 4, 4), -100)
    objective = object.__new__(Segmenting)
    loss = objective.loss(logits, labels)
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0
    assert logits.grad is not None
    assert not logits.grad.any()
    assert torch.isnan(objective.loss(logits.detach() * torch.inf, labels))
