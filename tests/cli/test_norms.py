"""``--norms`` on the command line: networks without BatchNorm beside one with it."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner, Result

from acrank.cli.app import app
from acrank.errors import NotScoredError
from tests.norm.test_samplewise import with_affines

NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "resnet": ("resnet18", {"layers": [1, 1, 1, 1], "channels": [8, 8, 8, 8]}),
    "convnext": ("convnext_atto", {"depths": [1, 1, 1, 1], "dims": [4, 4, 8, 8]}),
    "vit": ("vit_tiny_patch16_224", {"depth": 1, "embed_dim": 12}),
}


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three small networks that were never trained, with affines as if they were."""
    folder, entries = tmp_path_factory.mktemp("zoo"), []
    for name, (arch, kwargs) in NETWORKS.items():
        torch.manual_seed(0)
        size: dict[str, Any] = {"img_size": 32} if arch.startswith("vit") else {}
        model = with_affines(timm.create_model(arch, num_classes=2, **kwargs, **size))
        save_file(model.state_dict(), folder / f"{name}.safetensors")
        given = {"name": name, "arch": arch, "kwargs": kwargs, "weights": f"{name}.safetensors"}
        entries.append({**given, "input_size": [3, 32, 32]})
    file = folder / "zoo.yaml"
    file.write_text(json.dumps({"version": 1, "models": entries}))
    return file


def run(*words: str) -> Result:
    given = ["--data", "demo", "--samples", "20", "--batch-size", "10", "--device", "cpu"]
    return CliRunner().invoke(app, [*words, *given])


def test_other_norms_are_scored_and_ranked_apart(zoo: Path, tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    options = ("--norms", "affine", "--rank-by", "ac_corr", "--csv", str(file))
    result = run("score", "--zoo", str(zoo), *options)
    assert result.exit_code == 0, result.output
    assert "* AC-Corr of LayerNorm of convnext, vit: a generalisation" in result.stdout
    rows = {row["model"]: row for row in csv.DictReader(file.read_text().splitlines())}
    found = {n: (r["rank"], r["norm_kind"], r["norm_layers"]) for n, r in rows.items()}
    assert found == {
        "resnet": ("1", "batch", "13"),
        "convnext": ("", "layer", "9"),
        "vit": ("", "layer", "3"),
    }
    assert all(float(row["ac_corr"]) > 0 for row in rows.values())


def test_without_it_there_is_a_word_on_what_is_missing(zoo: Path) -> None:
    result = run("score", "--zoo", str(zoo), "--model", "vit", "--rank-by", "params")
    assert result.exit_code == 0, result.output
    assert "No AC-Corr of " in result.stdout
    assert "but LayerNorm. --norms affine" in result.stdout


def test_explain_takes_such_a_network_if_asked(zoo: Path) -> None:
    asked = run("explain", "vit", "--zoo", str(zoo), "--norms", "affine")
    assert asked.exit_code == 0, asked.output
    assert "3 of 3 LayerNorm layers count" in asked.stdout
    assert "it is a generalisation" in asked.stdout
    plain = run("explain", "vit", "--zoo", str(zoo))
    assert isinstance(plain.exception, NotScoredError)
    assert "--norms affine" in str(plain.exception)


def test_a_listing_says_which_norms_there_are(zoo: Path) -> None:
    result = CliRunner().invoke(app, ["list-zoo", "--zoo", str(zoo)])
    assert "13 BatchNorm" in result.stdout
    assert "9 LayerNorm" in result.stdout


def test_finetune_passes_it_on_to_methods_that_take_it(zoo: Path, tmp_path: Path) -> None:
    common = ["finetune", "--data", "demo", "--zoo", str(zoo), "--model", "vit", "--epochs", "1"]
    common += ["--samples", "20", "--output", str(tmp_path), "--norms", "affine"]
    refused = CliRunner().invoke(app, [*common, "--method", "full"])
    assert "no option 'norms'" in str(refused.exception)
    done = CliRunner().invoke(app, [*common, "--method", "ac-norm", "--augment", "none"])
    assert done.exit_code == 0, done.output
    plain = timm.create_model(f"local-dir:{tmp_path}", pretrained=True)
    assert type(plain.norm).__name__ == "LayerNorm"
