"""Images with masks as a target, as a user gives them."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.test_score import Acrank, acrank

__all__ = ["acrank"]

SMALL = ("--samples", "8", "--batch-size", "4", "--image-size", "64")
TWO = ("--zoo", "demo", "--model", "demo-cifar10", "--model", "demo-blood-cells")


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight images of a bright disc on noise, and where the disc is."""
    folder = tmp_path_factory.mktemp("scans")
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:80, :80]
    for part in ("images", "masks"):
        (folder / "train" / part).mkdir(parents=True)
    for index in range(8):
        x, y, radius = (int(generator.integers(*ends)) for ends in ((25, 55), (25, 55), (8, 20)))
        disc = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        pixels = generator.integers(0, 120, (80, 80, 3)) + 100 * disc[..., None]
        name = f"case{index}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "train" / "images" / name)
        Image.fromarray((255 * disc).astype(np.uint8)).save(folder / "train" / "masks" / name)
    return folder


def score(scans: Path) -> tuple[str, ...]:
    return ("score", "--data", str(scans), *TWO, *SMALL)


def test_a_folder_of_masks_is_ranked(acrank: Acrank, scans: Path, tmp_path: Path) -> None:
    done = acrank(*score(scans), "--metric", "all", "--format", "csv", "--json", "out.json")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["rank"] for row in rows] == ["1", "2"]
    for row in rows:
        assert row["status"] == "ok"
        assert all(float(row[n]) for n in ("ac_corr", "log_me", "gbc", "cc_fv", "lbtc"))
        assert "knn" not in row
        assert float(row["score_low"]) < float(row["score"]) < float(row["score_high"])
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["config"]["task"] == "segmentation"
    assert document["dataset"]["classes"] == ["background", "foreground"]
    again = acrank(*score(scans), "--metric", "all")
    assert "2 of 2 had been scored before" in again.stderr


def test_settings_of_the_task_make_another_result(acrank: Acrank, scans: Path) -> None:
    def value(*options: str) -> str:
        done = acrank(*score(scans), "--rank-by", "ac_corr", "--format", "csv", *options)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[1].split(",")[3]

    found = [value(), value("--decoder", "fpn"), value("--image-size", "96")]
    assert len(set(found)) == 3
    assert value() == found[0]


def test_scores_of_features_see_the_layers_asked_for(acrank: Acrank, scans: Path) -> None:
    one = (*score(scans), "--bootstrap", "0", "--format", "json")
    layers = []
    for more in ((), ("--layers", "layer2,layer1"), ("--layers", "layr1")):
        done = acrank(*one, *more)
        document = json.loads(done.stdout)
        layers.append(document["models"][0].get("feature_layers"))
    assert layers[0] == ["layer2", "layer3", "layer4"]
    assert layers[1] == ["layer2", "layer1"]
    assert done.returncode == 4
    assert "'layr1' is none of its layers. Did you mean layer1" in document["models"][0]["reason"]


def test_the_same_folder_can_be_taken_for_classes(acrank: Acrank, scans: Path) -> None:
    done = acrank(*score(scans), "--task", "classification", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["dataset"]["classes"] == ["images", "masks"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--metric", "knn"), "knn: not defined for segmentation. Defined are: ac_corr"),
        (("--head", "ridge"), "--head ridge is a linear head"),
        (("--features", "kept"), "--features keeps one row per image"),
        (
            ("--image-size", "50"),
            "--image-size is 50, and images of segmentation need a multiple of 32",
        ),
        (("--layers", "a", "--task", "classification"), "--layers names maps of a network"),
    ],
)
def test_what_does_not_go_together(
    acrank: Acrank, scans: Path, options: tuple[str, ...], message: str
) -> None:
    done = acrank(*score(scans), *options)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())


ONE = ("--zoo", "demo", "--model", "demo-cifar10")


@pytest.mark.parametrize(
    "command",
    [
        ("score", *ONE),
        ("gate", "--choose", *ONE),
        ("explain", "demo-cifar10", "--zoo", "demo"),
        ("finetune", *ONE),
        ("benchmark", *ONE),
    ],
    ids=lambda command: command[0],
)
def test_without_the_library_the_extra_is_named(
    acrank: Acrank, scans: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr("acrank.tasks.decoders.find_spec", lambda name: None)
    done = acrank(*command, "--data", str(scans))
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'acrank[segmentation]'" in " ".join(done.stderr.split())


@pytest.mark.parametrize("command", ["finetune", "benchmark"])
def test_without_monai_nothing_is_fine_tuned_on_masks(
    acrank: Acrank, scans: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr("acrank.finetuning.masks.overlap.find_spec", lambda name: None)
    done = acrank(command, *ONE, "--data", str(scans))
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'acrank[medical]'" in " ".join(done.stderr.split())


def test_an_explanation_shows_masks_over_images(
    acrank: Acrank, scans: Path, tmp_path: Path
) -> None:
    given = ("explain", "demo-cifar10", "--zoo", "demo", "--data", str(scans), *SMALL)
    done = acrank(*given, "--html", "page.html")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "page.html").read_text().count("with its mask: foreground") == 8
    assert acrank(*given, "--html", "none.html", "--no-images").returncode == 0
    assert "<img" not in (tmp_path / "none.html").read_text()
    assert "--no-images cannot be used" in acrank(*given, "--no-images").stderr


def test_gate_and_explain_take_masks_too(acrank: Acrank, scans: Path) -> None:
    given = ("--data", str(scans), *SMALL)
    chosen = acrank("gate", *given, *TWO, "--choose")
    assert chosen.returncode == 0, chosen.stderr
    assert chosen.stdout.strip() in ("demo-cifar10", "demo-blood-cells")
    told = acrank("explain", "demo-cifar10", "--zoo", "demo", *given, "--format", "json")
    assert told.returncode == 0, told.stderr
    by_step = acrank(*score(scans), "--rank-by", "ac_corr", "--format", "json")
    models = {model["model"]: model for model in json.loads(by_step.stdout)["models"]}
    assert json.loads(told.stdout)["scores"] == models["demo-cifar10"]["scores"]


def test_a_ranking_is_carried_on(acrank: Acrank, scans: Path, tmp_path: Path) -> None:
    ranking = tmp_path / "ranking.json"
    ranked = acrank(*score(scans), "--decoder", "fpn", "--json", str(ranking))
    assert ranked.returncode == 0, ranked.stderr
    output = tmp_path / "out"
    given = ("--epochs", "1", "--batch-size", "4", "--figures", "--output", str(output))
    command = ("finetune", "--data", str(scans), "--from", str(ranking), *given)
    done = acrank(*command, "--image-size", "32")
    assert done.returncode == 0, done.stderr
    assert "best by dice on the validation images" in done.stdout
    kept = json.loads((output / "finetune.json").read_text())["config"]
    assert (kept["task"], kept["decoder"], kept["image_size"]) == ("segmentation", "fpn", 32)
    for name in ("cases.png", "cases.svg", "curves.png"):
        assert (output / name).stat().st_size > 5000
    refused = acrank(*command, "--method", "co-tuning")
    assert refused.returncode == 2
    assert "co-tuning needs a source classifier" in " ".join(refused.stderr.split())


def test_an_experiment_refuses_what_scoring_would_at_once(acrank: Acrank, scans: Path) -> None:
    done = acrank("benchmark", "--data", str(scans), *TWO, "--metric", "knn")
    assert done.returncode == 2
    assert "knn: not defined for segmentation" in done.stderr
