"""What a run says of its data, as a user sees it: first on stderr, never on stdout."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.test_score import Acrank, acrank
from tests.data.builders import fill_folder

__all__ = ["acrank"]

FAST = ("--samples", "8", "--batch-size", "4")
MODEL = ("--zoo", "demo", "--model", "demo-cifar10")
READ = "note: 2 classes (a 4, b 4), 8 of 20 images"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fill_folder(tmp_path / "scans" / "Training", {"a": 10, "b": 10})
    fill_folder(tmp_path / "scans" / "Testing", {"a": 2, "c": 2})
    (tmp_path / "scans" / "Training" / "a" / "x.raw").write_bytes(b"x")
    return tmp_path / "scans"


def test_what_was_read_is_the_first_line(acrank: Acrank, folder: Path) -> None:
    done = acrank("score", "--data", str(folder), *MODEL, *FAST)
    assert done.returncode == 0
    first, second, third, *_ = done.stderr.splitlines()
    assert first == READ
    assert second.endswith("Training is read as the training part, without Testing/ beside it.")
    assert third == "note: 1 file of a/ was skipped: .raw 1."
    assert "2 classes" not in done.stdout


@pytest.mark.parametrize("form", ["json", "csv"])
def test_other_formats_stay_clean(acrank: Acrank, folder: Path, form: str) -> None:
    done = acrank("score", "--data", str(folder), *MODEL, *FAST, "--format", form)
    assert done.stderr.startswith(READ)
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        assert [row["model"] for row in rows] == ["demo-cifar10"]
    else:
        found = json.loads(done.stdout)
        assert found["dataset"]["classes"] == ["a", "b"]
        assert any("without Testing/" in text for text in found["warnings"])


@pytest.mark.parametrize(
    "command",
    [
        ("explain", "demo-cifar10", "--zoo", "demo"),
        ("gate", *MODEL, "--require", "demo-cifar10"),
    ],
)
def test_other_commands_say_it_too(acrank: Acrank, folder: Path, command: tuple[str, ...]) -> None:
    done = acrank(command[0], *command[1:], "--data", str(folder), *FAST)
    assert done.stderr.startswith(READ), done.stderr


def test_parts_of_a_split_end_with_exit_2(acrank: Acrank, tmp_path: Path) -> None:
    fill_folder(tmp_path / "d", {"train": 4, "test": 4})
    done = acrank("score", "--data", str(tmp_path / "d"), *MODEL, *FAST)
    assert done.returncode == 2
    assert "are parts of a split, not classes" in done.stderr
    assert done.stdout == ""
