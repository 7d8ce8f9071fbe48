"""Fine-tunings that pause: as without the pause, kept, judged by image, diverged, dropped."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from acrank.errors import ConfigError, NotScoredError
from acrank.finetuning import loop
from acrank.finetuning.config import FinetuneConfig, make_finetune_config
from acrank.finetuning.paused import Paused, drop_state
from acrank.finetuning.run import finetune, finetune_until
from tests.finetuning.diverging import KINDS, SETTINGS, write_kind, write_zoo

FAST: dict[str, Any] = {
    **{"data": "demo", "zoo": "demo", "model": "demo-mixed", "samples": 60, "batch_size": 16},
    **{"lr": 0.02, "precision": "fp32", "threads": 1},
}
CYCLED: dict[str, Any] = {"cycles": (2, 3), "augment": "none", "method": "ac-norm"}


def config(**settings: Any) -> FinetuneConfig:
    return make_finetune_config({**FAST, **settings})


def small(folder: Path, kind: str, after: int = 100, **settings: Any) -> FinetuneConfig:
    """A fine-tuning of a network that diverges after some steps, two an epoch."""
    data = write_kind(folder / "data", kind)
    zoo = write_zoo(folder / "zoo.yaml", kind, net=after)
    given = {"data": str(data), "zoo": str(zoo), "model": "net", "trust_code": True, "epochs": 3}
    return make_finetune_config({**given, **SETTINGS[kind], "precision": "fp32", **settings})


def same(one: Paused, other: Paused) -> bool:
    parts = [
        {**vars(p), "each": p.each.tolist(), "folder": None, "kept": None} for p in (one, other)
    ]
    return repr(parts[0]) == repr(parts[1])


@pytest.mark.parametrize(
    "settings",
    [CYCLED, {"epochs": 5, "ema": 0.9, "optimizer": "adamw", "lr": 1e-3, "head_epochs": 1}],
    ids=["cycles", "ema"],
)
def test_a_pause_changes_nothing(settings: dict[str, Any], tmp_path: Path) -> None:
    whole = finetune(config(**settings), tmp_path / "whole")
    straight = finetune_until(config(**settings), tmp_path / "straight", 5)
    folder = tmp_path / "paused"
    first = finetune_until(config(**settings), folder, 2)
    second = finetune_until(config(**settings), folder, 5)
    assert (first.epoch, second.epoch) == (2, 5)
    assert second.log[:2] == first.log
    assert same(second, straight)
    done = finetune(config(**settings), folder)
    assert done.record == whole.record
    one, other = (load_file(run.folder / "model.safetensors") for run in (whole, done))
    assert all(torch.equal(one[name], other[name]) for name in one | other)
    names = {file.name for file in folder.iterdir()} - {
        file.name for file in whole.folder.iterdir()
    }
    assert names == {"pause-2.json", "pause-5.json"}


def test_a_pause_tells_of_the_network_as_it_is(tmp_path: Path) -> None:
    found = finetune_until(config(**CYCLED), tmp_path, 2)
    assert found.val == {
        name.removeprefix("val_"): value
        for name, value in found.log[-1].items()
        if name.startswith("val_")
    }
    assert found.each.mean() == pytest.approx(found.val["balanced_accuracy"])
    assert len(found.keys) == len(set(found.keys)) == len(found.each) == found.val_images == 10
    assert (found.measure, found.train_images, found.input_size) == (
        *("balanced_accuracy", 50),
        (3, 64, 64),
    )
    assert (found.stopped, found.diverged, found.kept) == ("", False, False)
    assert 0 < found.params[0] < found.params[1]  # AC-Norm's statistics are not trained
    head = finetune_until(config(method="head", epochs=1), tmp_path / "head", 1)
    assert 0 < head.params[0] < found.params[0]


def test_a_pause_is_kept_and_judged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = finetune_until(config(**CYCLED), tmp_path, 2)
    later = finetune_until(config(**CYCLED), tmp_path, 3)
    drop_state(tmp_path)
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["pause-2.json", "pause-3.json"]

    def never(training: loop.Training) -> loop.LogRow:
        raise AssertionError("it trains")

    with monkeypatch.context() as patch:
        patch.setattr(loop.Training, "run_epoch", never)
        for epochs, found in ((2, first), (3, later)):
            again = finetune_until(config(**CYCLED), tmp_path, epochs)
            assert again.kept
            assert same(again, found)
    with pytest.raises(ConfigError, match="another fine-tuning"):
        finetune_until(config(**CYCLED, seed=1), tmp_path, 2)
    with pytest.raises(ConfigError, match="holds a fine-tuning in fp32"):
        finetune_until(config(**{**CYCLED, "precision": "bf16"}), tmp_path, 2)
    finetune(config(**CYCLED), tmp_path, fresh=True, weights=False)
    assert not (tmp_path / "pause-2.json").exists()


def test_killed_before_the_outcome_is_written_it_is_judged_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = finetune_until(config(**CYCLED), tmp_path / "whole", 2)

    class StopError(Exception):
        """A kill."""

    def stop(*_: object) -> None:
        raise StopError

    folder = tmp_path / "killed"
    with monkeypatch.context() as patch:
        patch.setattr("acrank.finetuning.run.save_pause", stop)
        with pytest.raises(StopError):
            finetune_until(config(**CYCLED), folder, 2)
    said: list[str] = []
    assert same(finetune_until(config(**CYCLED), folder, 2, note=said.append), expected)
    assert said[-1] == "the training resumes after epoch 2"
    (folder / "pause-2.json").write_text("{}")
    assert same(finetune_until(config(**CYCLED), folder, 2, note=said.append), expected)
    assert any("pause-2.json cannot be read" in text for text in said)
    with pytest.raises(ConfigError, match=r"after epoch 2, without .* a pause after epoch 1"):
        finetune_until(config(**CYCLED), folder, 1)
    for epochs in (0, 6):
        with pytest.raises(ConfigError, match="is not in 1 to 5"):
            finetune_until(config(**CYCLED), folder, epochs)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_pauses(kind: str, tmp_path: Path) -> None:
    settings = small(tmp_path, kind)
    found = finetune_until(settings, tmp_path / "out", 1)
    value = found.val[found.measure]
    assert found.each.mean() == pytest.approx(value, nan_ok=True)
    assert len(found.each) == len(found.keys) == found.val_images
    assert (
        found.input_size
        == {
            **{"images": (3, 32, 32), "masks": (3, 32, 32), "volumes": (1, 16, 16, 16)},
        }[kind]
    )
    done = finetune(settings, tmp_path / "out", weights=False)
    assert done.log[0] == found.log[0]


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_diverges_later_says_so(kind: str, tmp_path: Path) -> None:
    settings = small(tmp_path, kind, after=3)
    found = finetune_until(settings, tmp_path / "out", 3)
    assert (found.epoch, found.diverged) == (2, True)
    assert "not finite in epoch 2" in found.stopped
    assert not found.val
    assert np.isnan(found.each).all()
    assert json.loads((tmp_path / "out" / "pause-3.json").read_text())["each"][0] is None
    again = finetune_until(settings, tmp_path / "out", 3)
    assert again.kept
    assert same(again, found)


def test_one_that_diverges_at_once_has_no_outcome(tmp_path: Path) -> None:
    settings = small(tmp_path, "images", lr=1e6, head_lr_factor=1e6, warmup=0.0)
    with pytest.raises(NotScoredError, match=r"before any epoch had finite .* A smaller --lr"):
        finetune_until(settings, tmp_path / "out", 2)
    assert not (tmp_path / "out").exists()


def test_one_that_stops_early_goes_no_further(tmp_path: Path) -> None:
    settings = config(method="head", lr=1e-9, epochs=9, patience=1, augment="none")
    found = finetune_until(settings, tmp_path, 5)
    assert found.epoch < 5
    assert "no better balanced_accuracy in 1 epochs" in found.stopped
    later = finetune_until(settings, tmp_path, 9)
    assert (later.epoch, later.val, later.kept) == (found.epoch, found.val, False)
    assert not math.isnan(later.each.mean())
