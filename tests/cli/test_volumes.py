"""Volumes with labels as a target, as a user gives them."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from acrank.cli.app import app
from acrank.finetuning.config import FinetuneConfig
from acrank.report.builders.ranking import RankingReport
from acrank.report.renderers.records import to_json
from tests.cli.test_score import Acrank, acrank
from tests.data.volumes.builders import fill
from tests.gate.rankings import FOUR, RECORD, ranking_of

__all__ = ["acrank"]

SMALL = ("--samples", "4", "--pixels", "8", "--trust-code")
NETS = """
import torch
from torch import nn

def net(channels=1, dimensions=3):
    torch.manual_seed(0)
    conv, norm = (nn.Conv3d, nn.BatchNorm3d) if dimensions == 3 else (nn.Conv2d, nn.BatchNorm2d)
    layers = []
    for given, width in ((channels, 4), (4, 8)):
        layers += [conv(given, width, 3, 2, 1), norm(width), nn.ReLU()]
        nn.init.normal_(layers[-2].weight, 1, 0.2)
        nn.init.normal_(layers[-2].bias, 0, 0.2)
    return nn.Sequential(*layers)
"""
ZOO = """
version: 1
models:
- {name: small, factory: "nets:net"}
- {name: colour, factory: "nets:net", kwargs: {channels: 3}, input_size: [3, 16, 16, 16]}
- {name: pair, factory: "nets:net", kwargs: {channels: 2}}
- {name: flat, factory: "nets:net", kwargs: {dimensions: 2}, in_chans: 1}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four volumes, described as by the Decathlon, and a zoo."""
    folder = tmp_path_factory.mktemp("volumes")
    fill(folder / "scans", {f"c{n}": [1, 2] for n in range(4)}, ("imagesTr", "labelsTr"))
    labels = {"0": "background", "1": "front", "2": "back"}
    (folder / "scans" / "dataset.json").write_text(json.dumps({"labels": labels}))
    (folder / "nets.py").write_text(NETS)
    (folder / "zoo.yaml").write_text(ZOO)
    return folder


def score(folder: Path) -> tuple[str, ...]:
    return ("score", "--data", str(folder / "scans"), "--zoo", str(folder / "zoo.yaml"), *SMALL)


def test_volumes_are_ranked(acrank: Acrank, folder: Path) -> None:
    done = acrank(*score(folder), "--metric", "cc_fv,gbc", "--format", "json")
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout)
    models = {model["model"]: model for model in document["models"]}
    for name in ("small", "colour"):
        scores = models[name]["scores"]
        assert {"ac_corr", "log_me", "gbc", "cc_fv"} <= scores.keys(), models[name]
    assert models["colour"]["flags"] == {"grey-repeated": "one channel given 3 times"}
    assert "takes 2 channel(s), and the volumes have 1" in models["pair"]["reason"]
    assert "it is a network for images (2-D)" in models["flat"]["reason"]
    assert document["config"]["batch_size"] == 2
    assert document["dataset"]["classes"] == ["background", "front", "back"]
    again = acrank(*score(folder), "--metric", "cc_fv,gbc")
    assert "2 of 4 had been scored before" in again.stderr


def test_settings_of_volumes_make_another_result(acrank: Acrank, folder: Path) -> None:
    def value(*options: str) -> object:
        given = ("--model", "small", "--bootstrap", "0", "--format", "json", *options)
        return json.loads(acrank(*score(folder), *given).stdout)["models"][0]["scores"]

    usual, several = value(), value("--patch", "16", "--patches", "all")
    assert usual != value("--window", "90,110")
    assert isinstance(usual, dict)
    assert isinstance(several, dict)
    assert several["ac_corr"] == usual["ac_corr"]
    assert several["log_me"] != usual["log_me"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--patch", "20"), "'patch' is '20'"),
        (("--patches", "some"), "'patches' is 'some': write it as a whole number, or as all"),
        (("--patch", "16,16"), "one number, or as three for the axes X,Y,Z"),
        (("--window", "5,-5"), "write it as LOW,HIGH"),
        (("--image-size", "64"), "--image-size is for images, and the data are volumes"),
        (("--decoder", "fpn"), "--decoder fpn is for images"),
    ],
)
def test_what_does_not_go_together(
    acrank: Acrank, folder: Path, options: tuple[str, ...], message: str
) -> None:
    done = acrank(*score(folder), *options)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())


def test_patches_are_of_volumes(acrank: Acrank) -> None:
    given = ("--patch", "32", "--spacing", "1", "--patches", "all")
    done = acrank("score", "--data", "demo", "--zoo", "demo", *given)
    assert done.returncode == 2
    assert "--patch, --spacing, --patches is for volumes" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    "command",
    [
        ("score",),
        ("gate", "--choose"),
        ("explain", "small"),
        ("finetune", "--model", "small"),
    ],
    ids=lambda command: command[0],
)
def test_without_the_libraries_the_extra_is_named(
    acrank: Acrank, folder: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr("acrank.data.volumes.nifti.find_spec", lambda name: None)
    given = ("--data", str(folder / "scans"), "--zoo", str(folder / "zoo.yaml"), "--trust-code")
    done = acrank(*command, *given)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'acrank[medical]'" in " ".join(done.stderr.split())


def test_an_explanation_shows_slices(acrank: Acrank, folder: Path, tmp_path: Path) -> None:
    given = ("--data", str(folder / "scans"), "--zoo", str(folder / "zoo.yaml"), "--trust-code")
    done = acrank("explain", "small", *given, "--samples", "4", "--html", "page.html")
    assert done.returncode == 0, done.stderr
    assert "4 of 4 volumes" in done.stdout
    page = (tmp_path / "page.html").read_text()
    for plane in ("axial", "coronal", "sagittal"):
        assert page.count(f"{plane} slice, with its labels") == 4


@pytest.mark.parametrize(
    ("ran", "kept"),
    [
        ({"patch": [32, 32, 32], "image_size": 256}, {"patch": (32, 32, 32)}),
        ({"task": "classification", "window": [0.0, 9.0]}, {"window": (0, 9)}),
        ({"decoder": "fpn", "image_size": 64}, {"decoder": "fpn", "image_size": 64}),
    ],
)
def test_a_ranking_says_how_its_best_model_saw_the_data(
    ran: dict[str, Any], kept: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[FinetuneConfig] = []

    def finetune(config: FinetuneConfig, *_: object, **__: object) -> None:
        asked.append(config)

    monkeypatch.setattr("acrank.finetuning.run.finetune", finetune)
    monkeypatch.chdir(tmp_path)
    config = {"seed": 0, "task": "segmentation", "decoder": "unet", "zoo": "demo", **ran}
    ranking = ranking_of(FOUR, record={**RECORD, "config": config})
    Path("scores.json").write_text(to_json(RankingReport(ranking)))
    CliRunner().invoke(app, ["finetune", "--data", "x", "--from", "scores.json"])
    given = asked[0].model_dump(include=asked[0].model_fields_set)
    assert given == {"data": "x", "model": "first", "zoo": "demo", "task": config["task"], **kept}
