"""Shards on several machines, merged to what one run would have given."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_score import DEMO, Acrank, acrank

__all__ = ["acrank"]

METRICS = ("--rank-by", "consensus", "--metric", "ncti,log_me")


def document(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


@pytest.fixture
def shards(acrank: Acrank, tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"part{number}.json" for number in (1, 2, 3)]
    for number, path in enumerate(paths, 1):
        done = acrank(*DEMO, *METRICS, "--shard", f"{number}/3", "--json", str(path))
        assert done.returncode == 0, done.stderr
    return paths


def test_merged_shards_are_one_run(acrank: Acrank, shards: list[Path], tmp_path: Path) -> None:
    # what each was found to be among its own few does not count
    assert [len(document(path)["models"]) for path in shards] == [4, 3, 3]
    whole = acrank(*DEMO, *METRICS, "--csv", "whole.csv", "--json", "whole.json")
    order = [str(shards[index]) for index in (2, 0, 1)]
    merged = acrank("merge", *order, "--csv", "merged.csv", "--json", "merged.json")
    assert merged.returncode == 0, merged.stderr
    assert merged.stdout == whole.stdout
    assert (tmp_path / "merged.csv").read_text() == (tmp_path / "whole.csv").read_text()
    one, other = document(tmp_path / "merged.json"), document(tmp_path / "whole.json")
    assert one["models"] == other["models"]
    assert one["order"] == other["order"]
    assert {part["shard"] for part in one["merged"]} == {"1/3", "2/3", "3/3"}
    assert acrank("merge", "merged.json", "--format", "csv").stdout == (
        acrank("merge", *order, "--format", "csv").stdout
    )


def test_a_missing_shard_is_said(acrank: Acrank, shards: list[Path]) -> None:
    done = acrank("merge", str(shards[0]), str(shards[2]), "--format", "csv")
    assert done.returncode == 0
    assert "note: shard 2/3 is missing." in done.stderr
    assert len(list(csv.DictReader(io.StringIO(done.stdout)))) == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--seed", "1"), "differ in the dataset (fingerprint)"),
        (("--lr", "0.02"), "differ in the setting lr: 0.02 and 0.01"),
        (("--precision", "bf16"), "differ in the device (precision): bf16 and fp32"),
        (("--metric", "knn"), "differ in the setting metrics"),
    ],
)
def test_parts_of_different_runs_are_refused(
    acrank: Acrank, tmp_path: Path, change: tuple[str, ...], message: str
) -> None:
    few = (*DEMO, "--precision", "fp32", "--model", "demo-c*")
    acrank(*few, "--json", "a.json")
    acrank(*few, *change, "--json", "b.json")
    done = acrank("merge", "a.json", "b.json")
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_a_model_in_two_files_must_be_the_same(acrank: Acrank, tmp_path: Path) -> None:
    acrank(*DEMO, "--model", "demo-c*", "--json", "a.json")
    altered = document(tmp_path / "a.json")
    altered["models"][0]["seconds"] = 99.0
    (tmp_path / "b.json").write_text(json.dumps(altered))
    same = acrank("merge", "a.json", "b.json", "--format", "csv")
    assert same.returncode == 0, same.stderr
    assert same.stdout.count("\n") == 3
    altered["models"][0]["scores"]["ac_corr"] += 1
    (tmp_path / "b.json").write_text(json.dumps(altered))
    done = acrank("merge", "a.json", "b.json")
    assert done.returncode == 2
    assert "different results of demo-cifar10" in done.stderr


def test_a_failed_model_gives_way_to_the_one_that_was_scored(
    acrank: Acrank, tmp_path: Path
) -> None:
    acrank(*DEMO, "--model", "demo-c*", "--json", "a.json")
    failed = document(tmp_path / "a.json")
    failed["models"][0].update(status="failed", reason="killed", scores={}, layers=[])
    (tmp_path / "b.json").write_text(json.dumps(failed))
    for order in (("a.json", "b.json"), ("b.json", "a.json")):
        assert acrank("merge", *order).returncode == 0
    assert acrank("merge", "b.json").returncode == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "is not the result of a run"),
        ('{"models": []}', "schema_version None"),
        ('{"models": [], "schema_version": 99}', "schema_version 99"),
        ('{"models": [], "schema_version": 1}', "has no config"),
    ],
)
def test_what_is_no_result_is_refused(
    acrank: Acrank, tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "a.json").write_text(content)
    done = acrank("merge", "a.json")
    assert done.returncode == 2
    assert message in done.stderr


def test_a_garbled_model_is_placed(acrank: Acrank, tmp_path: Path) -> None:
    acrank(*DEMO, "--model", "demo-c*", "--json", "a.json")
    garbled = document(tmp_path / "a.json")
    garbled["models"][1]["status"] = "splendid"
    (tmp_path / "a.json").write_text(json.dumps(garbled))
    done = acrank("merge", "a.json")
    assert done.returncode == 2
    assert "models[1]" in done.stderr


def test_shards_must_be_possible(acrank: Acrank) -> None:
    for shard, message in (("11/11", "of 10 models"), ("0/2", "I from 1 to N"), ("x", "I/N")):
        done = acrank(*DEMO, "--shard", shard)
        assert done.returncode == 2
        assert message in done.stderr
    assert "shard has only some" in acrank(*DEMO, "--shard", "1/2", "--budget", "1m").stderr
