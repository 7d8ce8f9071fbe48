"""Fine-tuning from images to a folder: interrupted and not, kept, refused, loaded by timm."""

import csv
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.data.config import resolve_model_data_config

from acrank.data import Preprocessing
from acrank.errors import AcrankError, ConfigError, NotScoredError
from acrank.finetuning import loop
from acrank.finetuning.catalogue import usual_rates
from acrank.finetuning.config import FinetuneConfig, make_finetune_config
from acrank.finetuning.evaluate import judge
from acrank.finetuning.images import plain_batches
from acrank.finetuning.inputs import find_backbone, open_images
from acrank.finetuning.objective import balanced_weights
from acrank.finetuning.result import Finetuned
from acrank.finetuning.run import finetune

FAST: dict[str, Any] = {
    **{"data": "demo", "zoo": "demo", "model": "demo-mixed", "samples": 60, "epochs": 2},
    **{"batch_size": 16, "lr": 0.02, "precision": "fp32"},
}


def config(**settings: Any) -> FinetuneConfig:
    return make_finetune_config({**FAST, **settings})


def weights(done: Finetuned) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(done.folder / "model.safetensors")


def same(one: Finetuned, other: Finetuned) -> bool:
    a, b = weights(one), weights(other)
    return one.record == other.record and all(torch.equal(a[k], b[k]) for k in a | b)


class StopError(Exception):
    """A kill between two epochs."""


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"method": "ac-norm", "ema": 0.9, "optimizer": "adamw", "lr": 1e-3},
        {"method": "stochnorm", "head_epochs": 1, "epochs": 3, "schedule": "onecycle"},
        {"method": "co-tuning", "accumulate": 3, "augment": "timm", "label_smoothing": 0.1},
    ],
    ids=["full", "ac-norm", "stochnorm", "co-tuning"],
)
def test_stopped_and_called_again_it_ends_as_if_never_stopped(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    whole = finetune(config(**settings), tmp_path / "whole")

    def stop(row: loop.LogRow, epochs: int) -> None:
        if row["epoch"] == 1:
            raise StopError

    with pytest.raises(StopError):
        finetune(config(**settings), tmp_path / "again", say=stop)
    said: list[str] = []
    torch.rand(3), random.random(), np.random.rand()  # noqa: NPY002 - other use of generators
    again = finetune(config(**settings), tmp_path / "again", note=said.append)
    assert said[0].startswith("10 classes (0 6, 1 6, ")
    assert said[1:] == ["the training resumes after epoch 1"]
    assert same(whole, again)
    assert not (again.folder / "state.pt").exists()


def test_a_finished_one_is_kept_and_another_refused(digits: Path, tmp_path: Path) -> None:
    done = finetune(config(method="head"), tmp_path)
    kept = finetune(config(method="head", threads=1), tmp_path)
    assert kept.kept
    assert kept.record == done.record
    with pytest.raises(ConfigError, match="another fine-tuning"):
        finetune(config(method="head", lr=0.5), tmp_path)
    for other in ({"fold": False}, {"test": str(digits)}):  # it would have found something else
        with pytest.raises(ConfigError, match="another fine-tuning"):
            finetune(config(method="head", **other), tmp_path)
    assert not finetune(config(method="head", lr=0.5), tmp_path, fresh=True).kept


def test_weights_that_are_gone_are_made_again_if_they_are_wanted(tmp_path: Path) -> None:
    bare = finetune(config(method="head"), tmp_path, weights=False)
    assert not (tmp_path / "model.safetensors").exists()
    assert finetune(config(method="head"), tmp_path, weights=False).kept
    whole = finetune(config(method="head"), tmp_path)
    assert not whole.kept
    assert (tmp_path / "model.safetensors").is_file()
    assert {"model.safetensors", "config.json"} == whole.record.pop("files").keys()
    assert whole.record == bare.record


def test_generators_are_left_as_they_were(tmp_path: Path) -> None:
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    expected = random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    finetune(config(method="head", epochs=1), tmp_path)
    found = random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002
    assert found == expected


@pytest.mark.parametrize("method", ["full", "ac-norm", "stochnorm"])
def test_timm_alone_loads_the_folder_and_finds_the_same(
    method: str, digits: Path, tmp_path: Path
) -> None:
    settings = config(method=method, test=str(digits))
    done = finetune(settings, tmp_path)
    model = timm.create_model(f"local-dir:{tmp_path}", pretrained=True).eval()
    images = open_images(settings)
    config_file = json.loads((tmp_path / "config.json").read_text())
    assert config_file["label_names"] == list(images.training.classes)
    data: dict[str, Any] = resolve_model_data_config(model)  # type: ignore[no-untyped-call]
    preprocessing = Preprocessing.from_config(data)
    assert images.test is not None
    for part, name in ((images.validation, "val"), (images.test, "test")):
        batches = plain_batches(part, preprocessing, 50, torch.device("cpu"))
        found = judge(model, batches, lambda: torch.autocast("cpu", enabled=False)).measures()
        # another kernel may take one image for another class, where two are nearly as likely
        one = 1.01 / len(part)
        assert found["accuracy"] == pytest.approx(done.record[name]["accuracy"], abs=one)
        assert found["loss"] == pytest.approx(done.record[name]["loss"], rel=1e-3)


def test_no_fold_keeps_ac_norm(tmp_path: Path) -> None:
    done = finetune(config(method="ac-norm", epochs=1, fold=False), tmp_path)
    assert "not_for_timm" in done.record
    assert any(name.endswith("weight_target") for name in weights(done))


def test_it_learns_and_the_log_says_so(tmp_path: Path) -> None:
    done = finetune(config(samples=200, epochs=5, augment="none"), tmp_path)
    assert done.record["val"]["accuracy"] > 0.5  # of ten classes, by chance 0.1
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"]) * 0.8
    best = rows[done.record["best_epoch"] - 1]
    assert float(best["val_balanced_accuracy"]) == done.record["val"]["balanced_accuracy"]
    confusion = list(csv.reader((tmp_path / "confusion.csv").read_text().splitlines()))
    counts = np.array([[int(n) for n in row[1:]] for row in confusion[1:]])
    assert counts.sum() == done.record["images"]["validation"]
    assert np.trace(counts) / counts.sum() == pytest.approx(done.record["val"]["accuracy"])
    assert json.loads((tmp_path / "finetune.json").read_text()) == done.record


def test_accumulated_gradients_are_those_of_one_batch(tmp_path: Path) -> None:
    # frozen features and no augmentation: batches differ in nothing but their size
    given = {
        "method": "head",
        "augment": "none",
        "samples": 80,
        "val_share": 0.2,
        "schedule": "constant",
    }
    one = finetune(config(**given, batch_size=32), tmp_path / "one")
    parts = finetune(config(**given, batch_size=8, accumulate=4), tmp_path / "parts")
    a, b = weights(one), weights(parts)
    assert all(torch.allclose(a[k], b[k], atol=1e-5) for k in a)


def test_head_epochs_leave_the_backbone(tmp_path: Path) -> None:
    done = finetune(config(epochs=2, head_epochs=1, monitor="loss"), tmp_path)
    assert [row["phase"] for row in done.log] == ["head", "all"]


def test_patience_ends_it_early(tmp_path: Path) -> None:
    done = finetune(config(method="head", lr=1e-9, epochs=9, patience=2), tmp_path)
    assert len(done.log) < 9
    assert "no better balanced_accuracy in 2 epochs" in done.record["stopped"]


def test_class_weights_balance() -> None:
    images = open_images(config(class_weights="balanced"))
    found = balanced_weights(np.bincount(images.training.labels)).numpy()
    assert float(np.mean(found[images.training.labels])) == pytest.approx(1.0)
    sums = [found[k] * (images.training.labels == k).sum() for k in range(10)]
    assert sums == pytest.approx([sums[0]] * 10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "ac_norm"}, "did you mean ac-norm"),
        ({"method": "bss", "options": {"kk": 1}}, "no option 'kk'; it has eta, k"),
        ({"epochs": 2, "head_epochs": 2}, "leave an epoch"),
        ({"val_share": 1.5}, "val_share"),
        ({"monitor": "luck"}, "monitor"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config(**settings)


def test_one_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(AcrankError, match="names 10 models"):
        find_backbone(config(model="demo-*"))


@pytest.mark.parametrize(
    ("settings", "rate"),
    [
        ({"method": "full"}, 0.01),
        ({"method": "ac-norm"}, 0.003),
        ({"method": "ac-norm", "optimizer": "adamw"}, 0.0003),
        ({"method": "ac-norm", "lr": 0.5}, 0.5),
    ],
)
def test_each_method_has_its_usual_rate(settings: dict[str, Any], rate: float) -> None:
    assert config(**{"lr": None, **settings}).highest_lr == pytest.approx(rate)
    assert usual_rates() == "0.01; ac-norm 0.003"


def test_a_folder_that_cannot_be_tidied_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.pt").mkdir()
    with pytest.raises(ConfigError, match="cannot be used"):
        finetune(config(), tmp_path, fresh=True)


def test_the_rate_is_told(tmp_path: Path) -> None:
    done = finetune(config(method="ac-norm", lr=None, epochs=1), tmp_path, weights=False)
    assert done.record["lr"] == 0.003
    assert done.record["config"]["lr"] is None


def test_a_checkpoint_of_less_than_half_is_taken_where_it_is_allowed(tmp_path: Path) -> None:
    network = timm.create_model("resnet18", channels=[8, 8, 8, 64], layers=[1] * 4)
    stem = {name: value for name, value in network.state_dict().items() if "layer" not in name}
    save_file(stem, tmp_path / "stem.safetensors")
    (tmp_path / "zoo.yaml").write_text(
        "version: 1\nmodels:\n- {name: stem, arch: resnet18, weights: stem.safetensors, "
        "partial: true, kwargs: {channels: [8, 8, 8, 64], layers: [1, 1, 1, 1]}}\n"
    )
    given = {"zoo": str(tmp_path / "zoo.yaml"), "model": "stem"}
    with pytest.raises(NotScoredError, match=r"less than half .*--allow-partial"):
        finetune(config(**given), tmp_path / "out")
    assert "partly-loaded" in find_backbone(config(**given, allow_partial=True)).flags
