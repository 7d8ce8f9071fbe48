import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from acrank.cli.app import app


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))


def listed(*arguments: str) -> list[dict[str, str]]:
    result = CliRunner().invoke(app, ["list-zoo", "--format", "csv", *arguments])
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_the_demo_zoo() -> None:
    rows = {row["name"]: row for row in listed("--zoo", "demo")}
    assert 8 <= len(rows) <= 10
    row = rows["demo-cifar10"]
    assert row["cached"] == "True"
    assert row["revision"].startswith("sha256:")
    assert row["input_size"] == "3x64x64"
    assert float(row["params_m"]) < 0.2


def test_the_default_zoo_is_as_promised() -> None:
    rows = listed()
    assert 35 <= len(rows) <= 50
    for row in rows:
        assert row["license"], row["name"]
        assert "nc" not in row["license"].split("-"), row["name"]
        assert row["cached"] == "False"
        assert 1 < float(row["params_m"]) < 100
        assert int(row["norm_layers"]) > 5
    assert len({row["tags"].split()[0] for row in rows}) > 15


def test_filters_hold_together() -> None:
    everything = listed()
    small = listed("--max-params", "6")
    assert 0 < len(small) < len(everything)
    assert all(float(row["params_m"]) <= 6 for row in small)
    tagged = listed("--tag", "resnet", "--license", "bsd*")
    assert tagged
    assert all("resnet" in row["tags"].split() for row in tagged)
    assert all(row["license"].startswith("bsd") for row in tagged)
    assert listed("--cached") == []
    names = [row["name"] for row in listed("--zoo", "default", "--model", "resnet18*")]
    assert names == ["resnet18.a1_in1k", "resnet18.tiatoolbox-kather100k"]


def test_names_come_from_timm_without_a_zoo() -> None:
    names = [row["name"] for row in listed("--model", "resnet10t.*", "--model", "resnet18")]
    assert names[0] == "resnet10t.c3_in1k"
    assert names[-1].startswith("resnet18.")


@pytest.mark.parametrize("output", ["table", "json", "md"])
def test_other_formats(output: str) -> None:
    result = CliRunner().invoke(app, ["list-zoo", "--zoo", "demo", "--format", output])
    assert result.exit_code == 0
    assert "demo-untrained" in result.stdout
    if output == "json":
        assert json.loads(result.stdout)[0]["norm_layers"] > 0
