"""``acrank explain`` as a user calls it."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from acrank.errors import ExitCode
from tests.cli.test_score import FAST, SMALL, Acrank, acrank, save_network, write_zoo

__all__ = ["acrank"]

EXPLAIN = ("explain", "demo-random-labels", "--zoo", "demo", "--data", "demo", *FAST)


def test_the_table_has_a_summary_layers_and_channels(acrank: Acrank) -> None:
    done = acrank(*EXPLAIN)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("demo-random-labels on demo: 16 of ")
    assert lines[1].startswith("AC-Corr 1.")
    assert "14 of 14 BatchNorm layers count" in lines[3]
    start = next(i for i, line in enumerate(lines) if line.startswith("layer  "))
    assert [line.split()[0] for line in lines[start + 1 : start + 3]] == ["conv1.1", "conv1.4"]
    assert "The 10 channels that move most" in lines
    first, *further = done.stderr.splitlines()
    assert first.startswith("note: 10 classes (")
    assert all("demo-random-labels: ok" in line for line in further)


def test_the_score_is_that_of_score(acrank: Acrank) -> None:
    ranked = acrank(
        *("score", "--zoo", "demo", "--data", "demo", *FAST, "--format", "json"),
        *("--model", "demo-random-labels", "--rank-by", "ac_corr"),
    )
    model = json.loads(ranked.stdout)["models"][0]
    found = json.loads(acrank(*EXPLAIN, "--format", "json").stdout)
    assert found["scores"] == model["scores"]
    assert found["trials"] == model["trials"]
    assert found["interval"] == [model["score_low"], model["score_high"]]
    for layer, expected in zip(found["layers"], model["layers"], strict=True):
        assert layer["ac_corr"] == expected["kept_sum"]
        assert layer["ac_corr_channel"] == expected["kept_mean"]
        assert layer["ac_corr_zero"] == expected["zero_drift"]


def test_formats_and_files_read_back(acrank: Acrank, tmp_path: Path) -> None:
    files = ("--csv", "l.csv", "--channels-csv", "c.csv", "--json", "e.json")
    done = acrank(*EXPLAIN, *files, "--format", "csv", "--channels", "3")
    assert done.stdout == (tmp_path / "l.csv").read_text()
    layers = list(csv.DictReader(io.StringIO(done.stdout)))
    channels = list(csv.DictReader((tmp_path / "c.csv").read_text().splitlines()))
    document = json.loads((tmp_path / "e.json").read_text())
    assert [row["layer"] for row in layers] == [row["layer"] for row in document["layers"]]
    assert sum(int(row["channels"]) for row in layers) == len(channels) == 496
    assert len(document["most_moved"]) == 3
    first = document["most_moved"][0]
    (same,) = (
        row
        for row in channels
        if (row["layer"], row["channel"]) == (first["layer"], str(first["channel"]))
    )
    assert float(same["moved"]) == first["moved"] == max(float(row["moved"]) for row in channels)
    for row, layer in zip(layers, document["layers"], strict=True):
        mine = [c for c in channels if c["layer"] == row["layer"]]
        assert [float(c["kept"]) for c in mine] == layer["moves"]["kept"]
        drift = math.sqrt(sum(float(c["moved"]) ** 2 for c in mine) / len(mine))
        assert float(row["drift"]) == pytest.approx(drift)
    assert document["config"]["samples"] == 16
    assert acrank(*EXPLAIN, "--format", "md").stdout.count("\n| ") == 4 + 14 + 10


def test_the_channels_of_one_layer(acrank: Acrank) -> None:
    done = acrank(*EXPLAIN, "--layer", "layer4*", "--channels", "2")
    headings = [line for line in done.stdout.splitlines() if line.endswith("that move most")]
    layers = ("bn1", "bn2", "downsample.1")
    assert headings == [f"layer4.0.{name}: the 2 channels that move most" for name in layers]
    done = acrank(*EXPLAIN, "--channels", "0")
    assert "that move most" not in done.stdout


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_a_figure_is_drawn(acrank: Acrank, tmp_path: Path, ending: str) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"figure{ending.upper()}"
    done = acrank(*EXPLAIN, "--figure", str(path))
    assert done.returncode == 0, done.stderr
    content = path.read_bytes()
    assert content.startswith({".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[ending])
    if ending == ".png":
        with Image.open(path) as image:
            assert image.size == (1280, 1280)


def test_an_untrained_network_is_shown_and_has_no_score(acrank: Acrank, tmp_path: Path) -> None:
    arguments = ("explain", "demo-untrained", "--zoo", "demo", "--data", "demo", *FAST)
    done = acrank(*arguments, "--csv", "l.csv")
    assert done.returncode == ExitCode.NOTHING_SCORED
    assert "No AC-Corr: 14 of 14 BatchNorm layers have tied affines" in done.stdout
    assert "tied, which carry no information: conv1.1, conv1.4" in done.stdout
    rows = list(csv.DictReader((tmp_path / "l.csv").read_text().splitlines()))
    assert {(row["status"], row["ac_corr"], row["share"]) for row in rows} == {("tied", "", "")}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("explain", "demo-brain-mr", "--zoo", "demo"), "Did you mean demo-brain-mri"),
        (
            (
                "explain",
                "resnet1",
            ),
            "Did you mean resnet18",
        ),
        (("explain", "demo-*", "--zoo", "demo"), "matches 10 models"),
        ((*EXPLAIN, "--layer", "layer5"), "No norm layer"),
        ((*EXPLAIN, "--figure", "a.gif"), "Known endings: .png, .svg, .pdf"),
        ((*EXPLAIN, "--figure", "a"), "without ending"),
        ((*EXPLAIN, "--csv", "no/where.csv"), "does not exist"),
        ((*EXPLAIN, "--lr", "-1"), "lr"),
        ((*EXPLAIN, "--channels", "-1"), "--channels"),
    ],
)
def test_wrong_usage_is_2(acrank: Acrank, arguments: tuple[str, ...], words: str) -> None:
    done = acrank(*arguments, *(() if "--data" in arguments else ("--data", "demo")))
    assert done.returncode == ExitCode.USAGE
    assert words in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_without_matplotlib_the_extra_is_named(
    acrank: Acrank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acrank.report.plotting.find_spec", lambda name: None)
    done = acrank(*EXPLAIN, "--figure", "a.png")
    assert done.returncode == ExitCode.USAGE
    assert "acrank[report]" in done.stderr


def test_a_model_that_cannot_be_probed_is_4(acrank: Acrank, tmp_path: Path) -> None:
    bare = save_network(tmp_path, "convnext_atto", depths=[1] * 4, dims=[8] * 4)
    broken = {**save_network(tmp_path, "resnet18", **SMALL), "name": "broken"}
    state: dict[str, Any] = timm.create_model("resnet18", **SMALL).state_dict()
    state["bn1.weight"][0] = torch.nan
    save_file(state, tmp_path / "resnet18.safetensors")
    zoo = write_zoo(tmp_path, bare, broken)
    for name, words in (
        ("convnext_atto", "no BatchNorm layer with affine parameters"),
        ("broken", "NaN or infinite in 1 tensor(s): bn1.weight"),
    ):
        done = acrank("explain", name, "--zoo", zoo, "--data", "demo", *FAST)
        assert done.returncode == ExitCode.NOTHING_SCORED
        assert f"error: '{name}' cannot be explained: " in done.stderr
        assert words in done.stderr
        assert done.stdout == ""


def test_interrupting_is_130(acrank: Acrank, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object, **settings: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("acrank.scoring.score.probe_model", interrupted)
    done = acrank(*EXPLAIN)
    assert done.returncode == ExitCode.INTERRUPTED
    assert done.stdout == ""


def test_a_configuration_file_of_score_serves(acrank: Acrank, tmp_path: Path) -> None:
    text = "zoo: demo\ndata: demo\nsamples: 16\nbatch_size: 8\nmetrics: [knn]\nmodels: ['demo-*']\n"
    (tmp_path / "run.yaml").write_text(text)
    done = acrank("explain", "demo-mixed", "--config", "run.yaml", "--format", "json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["model"], document["config"]["samples"]) == ("demo-mixed", 16)
