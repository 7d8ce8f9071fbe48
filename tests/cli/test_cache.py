"""``acrank cache``, and what a user sees of kept results."""

import csv
import io
import json
import os
import time
from pathlib import Path

import pytest

from acrank.cache import ResultStore
from tests.cli.test_score import DEMO, Acrank, acrank

__all__ = ["acrank"]

FEW = (*DEMO, "--model", "demo-c*")


def test_path_needs_nothing(acrank: Acrank, tmp_path: Path) -> None:
    assert acrank("cache", "path").stdout == f"{tmp_path / 'cache' / 'results'}\n"
    assert acrank("cache", "ls").stdout.endswith("0 results, 0.0 MB\n")


def test_listing_and_removing_what_is_kept(acrank: Acrank) -> None:
    acrank(*FEW)
    table = acrank("cache", "ls").stdout
    assert table.startswith("model")
    assert "demo-cifar10-short" in table
    assert "2 results" in table
    rows = list(csv.DictReader(io.StringIO(acrank("cache", "ls", "--format", "csv").stdout)))
    assert [(row["model"], row["data"]) for row in rows] == [
        ("demo-cifar10", "demo"),
        ("demo-cifar10-short", "demo"),
    ]
    assert Path(rows[0]["file"]).is_file()
    assert json.loads(acrank("cache", "ls", "--format", "json").stdout)[0]["metrics"] == 4
    assert "removed 1 result(s)" in acrank("cache", "rm", "--model", "*short").stdout
    assert "1 results" in acrank("cache", "ls").stdout
    assert "removed 1 result(s)" in acrank("cache", "rm", "--all").stdout
    assert "0 results" in acrank("cache", "ls").stdout


def test_removing_what_is_old(acrank: Acrank) -> None:
    acrank(*FEW)
    old = next(iter(ResultStore())).path
    week = time.time() - 7 * 86400
    os.utime(old, (week, week))
    assert "removed 0" in acrank("cache", "rm", "--older-than", "8d").stdout
    assert "removed 1" in acrank("cache", "rm", "--older-than", "6d").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Say which kept results to remove"),
        (("--all", "--model", "a"), "Say which kept results to remove"),
        (("--older-than", "soon"), "write a duration as"),
    ],
)
def test_nothing_is_removed_by_mistake(
    acrank: Acrank, arguments: tuple[str, ...], message: str
) -> None:
    done = acrank("cache", "rm", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_repeated_run_says_what_was_kept(acrank: Acrank, tmp_path: Path) -> None:
    first = acrank(*FEW, "--format", "csv")
    again = acrank(*FEW, "--format", "csv")
    assert again.stdout == first.stdout.replace("\r", "")
    assert "[1/2] demo-cifar10: ok (kept)" in again.stderr
    assert "note: 2 of 2 had been scored before (--fresh scores them again)." in again.stderr
    assert "(kept)" not in acrank(*FEW, "--fresh").stderr


def test_an_unreadable_entry_is_scored_again(acrank: Acrank) -> None:
    acrank(*FEW)
    broken = next(iter(ResultStore())).path
    broken.write_text("{")
    done = acrank(*FEW)
    assert done.returncode == 0
    assert f"note: the kept result {broken} cannot be read" in done.stderr
    assert "1 of 2 had been scored before" in done.stderr
    assert "2 of 2 had been scored before" in acrank(*FEW).stderr


def test_a_cache_that_cannot_be_written_costs_no_result(
    acrank: Acrank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ACRANK_CACHE", str(tmp_path / "file"))
    done = acrank(*FEW, "--json", "out.json")
    assert done.returncode == 0
    assert "demo-cifar10" in done.stdout
    assert "2 result(s) could not be kept for a later run" in done.stderr
    out = json.loads((tmp_path / "out.json").read_text())
    assert any("could not be kept" in text for text in out["warnings"])
    assert all("not-kept" not in model["flags"] for model in out["models"])


def test_features_are_written_though_the_results_are_kept(acrank: Acrank, tmp_path: Path) -> None:
    acrank(*FEW, "--metric", "log_me")
    written = acrank(*FEW, "--metric", "log_me", "--features", "features")
    assert "(kept)" not in written.stderr
    assert len(list((tmp_path / "features").iterdir())) == 2
    (tmp_path / "features" / "demo-cifar10.safetensors").unlink()
    again = acrank(*FEW, "--metric", "log_me", "--features", "features")
    assert "1 of 2 had been scored before" in again.stderr
    assert len(list((tmp_path / "features").iterdir())) == 2
