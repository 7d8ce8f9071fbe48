"""What a folder says of its fine-tuning: what ran, and whether its files are still whole."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from acrank.errors import ConfigError
from acrank.experiments.benchmark.config import make_benchmark_config
from acrank.finetuning import loop
from acrank.finetuning.config import FinetuneConfig, make_finetune_config
from acrank.finetuning.inputs import find_backbone, open_images
from acrank.finetuning.result import Finetuned
from acrank.finetuning.run import finetune, prepare
from acrank.report.builders.finetuning import FinetuneReport
from tests.finetuning.diverging import write_shades
from tests.finetuning.masks.discs import config as of_discs
from tests.finetuning.masks.discs import write_discs

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def shades(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shades(tmp_path_factory.mktemp("shades"), {"dark": 10, "bright": 10})


def config(data: Path, **settings: Any) -> FinetuneConfig:
    given: dict[str, Any] = {
        **{"data": str(data), "zoo": "demo", "model": "demo-mixed", "method": "head"},
        **{"epochs": 1, "batch_size": 8, "lr": 0.01},
    }
    return make_finetune_config({**given, **settings})


class StopError(Exception):
    """A kill between two epochs."""


def stop(row: loop.LogRow, epochs: int) -> None:
    raise StopError


def bf16_here(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    monkeypatch.setattr("acrank.utils.device._has_bf16", lambda device: there)


@pytest.mark.parametrize(("bf16", "name"), [(True, "bf16"), (False, "fp32")])
def test_the_record_has_device_and_precision_as_used(
    bf16: bool, name: str, shades: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bf16_here(monkeypatch, bf16)
    done = finetune(config(shades), tmp_path)
    assert done.record["device"] == {
        **{"type": "cpu", "precision": name, "threads": torch.get_num_threads()},
    }
    assert json.loads((tmp_path / "finetune.json").read_text()) == done.record


def test_auto_keeps_to_the_precision_that_it_began_in(
    shades: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bf16_here(monkeypatch, True)
    with pytest.raises(StopError):
        finetune(config(shades, epochs=2), tmp_path, say=stop)
    bf16_here(monkeypatch, False)  # on another machine
    with pytest.raises(ConfigError, match="holds a fine-tuning in bf16, and --precision is fp32"):
        finetune(config(shades, epochs=2, precision="fp32"), tmp_path)
    said: list[str] = []
    done = finetune(config(shades, epochs=2), tmp_path, note=said.append)
    assert done.record["device"]["precision"] == "bf16"
    assert said[1:] == [
        "--precision auto is bf16, in which the fine-tuning began; here it would be fp32",
        "the training resumes after epoch 1",
    ]
    assert finetune(config(shades, epochs=2, precision="bf16", device="cpu"), tmp_path).kept


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def change(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (cut, r"has \d+ bytes, and \d+ were written"),
        (change, "has changed since it was written"),
        (Path.unlink, "is not there"),
    ],
)
@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_that_is_not_whole_is_made_again(
    harm: Any, reason: str, name: str, shades: Path, tmp_path: Path
) -> None:
    done = finetune(config(shades), tmp_path)
    whole = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    said: list[str] = []
    assert finetune(config(shades), tmp_path, note=said.append).kept
    assert len(said) == 1  # what was read
    harm(tmp_path / name)
    again = finetune(config(shades), tmp_path, note=said.append)
    assert not again.kept
    assert again.record == done.record
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == whole
    note = said[-1]
    assert re.search(f"{re.escape(name)} {reason}, so the network is trained again", note)


def test_the_decoder_of_a_segmenter_is_checked_too(tmp_path: Path) -> None:
    settings = of_discs(write_discs(tmp_path / "discs", 4), epochs=1, method="head")
    done = finetune(settings, tmp_path / "out")
    files = {"model.safetensors", "decoder.safetensors", "config.json", "segmenter.json"}
    assert done.record["files"].keys() == files
    cut(tmp_path / "out" / "decoder.safetensors")
    assert not finetune(settings, tmp_path / "out").kept


def head_of(network: nn.Module) -> torch.Tensor:
    """The weights of the head, as they are now."""
    weights: torch.Tensor = network.state_dict()["head.weight"]
    return weights.clone()


def steps_of(training: loop.Training) -> list[torch.Tensor]:
    """The weights of the head after each step, filled in as training goes on."""
    found: list[torch.Tensor] = []
    usual = training._step

    def step() -> None:
        usual()
        found.append(head_of(training.setup.network))

    training._step = step  # type: ignore[method-assign]
    return found


def test_averaged_weights_leave_the_untrained_ones_behind(shades: Path) -> None:
    settings = config(shades, ema=0.9999, epochs=3, precision="fp32")
    images = open_images(settings)
    training, network = prepare(settings, images, find_backbone(settings), CPU)
    steps = steps_of(training)
    first = head_of(network)
    while not training.done:
        training.run_epoch()
    assert training.steps == len(steps) == 6
    average = steps[0]
    for number, weights in enumerate(steps[1:], start=2):
        average = torch.lerp(average, weights, number ** (-2 / 3))
    found = head_of(training.judged)
    assert torch.allclose(found, average, atol=1e-6)
    assert torch.dist(found, first) > 0.5 * torch.dist(steps[-1], first)


@pytest.mark.parametrize(
    "settings",
    [
        *({"lr": True}, {"epochs": True}, {"patience": False}, {"ema": True}, {"samples": True}),
        *({"spacing": True}, {"window": [True, 3]}, {"val_share": True}, {"seed": False}),
    ],
)
def test_booleans_are_no_numbers(settings: dict[str, Any], shades: Path) -> None:
    with pytest.raises(ConfigError, match="it does not accept true or false"):
        config(shades, **settings)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("bss", {"eta": True}, "'eta' of bss is True, not a number"),
        ("bss", {"k": 1.5}, "'k' of bss is 1.5, not a whole number"),
        ("bss", {"eta": float("nan")}, "'eta' of bss is nan"),
        ("ac-norm", {"authors": 1}, "'authors' of ac-norm is 1, not true or false"),
    ],
)
def test_options_are_of_the_type_of_their_default(
    method: str, options: dict[str, Any], message: str, shades: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        config(shades, method=method, options=options)
    assert config(shades, method="bss", options={"eta": 1}).options == {"eta": 1}


@pytest.mark.parametrize("settings", [{"seeds": True}, {"lrs": (True,)}, {"test_share": True}])
def test_booleans_are_no_numbers_of_an_experiment(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="it does not accept true or false"):
        make_benchmark_config({"data": ("x",), **settings})


def test_flip_without_augmentation_is_refused(shades: Path) -> None:
    with pytest.raises(ConfigError, match="augment none leaves flips out"):
        config(shades, augment="none", flip=True)
    assert config(shades, augment="none").flip


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"diverged": True, "stopped": "the loss was nan in epoch 2"}, "A smaller --lr may help."),
        ({"chosen_by": "loss"}, "the best by loss on the validation images."),
        ({"not_tested": "its outputs are not finite"}, "Not evaluated on the test images: its out"),
    ],
)
def test_what_is_printed_says_so(
    changes: dict[str, Any], line: str, shades: Path, tmp_path: Path
) -> None:
    done = finetune(config(shades), tmp_path)
    told = FinetuneReport(Finetuned(tmp_path, {**done.record, **changes}, done.log)).lines()
    assert any(line in text for text in told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cannot be read"),
        ("[]", "cannot be read (it is not the record of a fine-tuning)"),
        ("null", "cannot be read (it is not the record of a fine-tuning)"),
        ('{"identity": ID, "log": []}', "lacks device"),
        (
            '{"identity": ID, "log": [], "device": {}, "files": 5}',
            "does not list the files that were written",
        ),
        ('{"identity": ID, "log": [], "device": {}, "files": {"a": 1}}', "does not list the files"),
        ('{"identity": ID, "log": [], "device": {}}', "model.safetensors is not there"),
    ],
)
def test_a_damaged_record_is_told_and_made_again(
    text: str, told: str, shades: Path, tmp_path: Path
) -> None:
    identity = finetune(config(shades), tmp_path).record["identity"]
    (tmp_path / "finetune.json").write_text(text.replace("ID", json.dumps(identity)))
    if "not there" in told:
        (tmp_path / "model.safetensors").unlink()
    said: list[str] = []
    done = finetune(config(shades), tmp_path, note=said.append)
    assert not done.kept
    assert any(told in line and "trained again" in line for line in said)
    assert json.loads((tmp_path / "finetune.json").read_text()) == done.record
