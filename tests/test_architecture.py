"""The package that the page on the architecture shows is installed and run."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
from safetensors.torch import save_file
from sklearn.datasets import load_digits

from tests.packages import install
from tests.processes import python_path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def blocks(name: str) -> str:
    """All the code of a page under one file name."""
    return "\n".join(re.findall(rf"^```\w+ {re.escape(name)}\n(.*?)^```$", PAGE, re.M | re.S))


def test_the_package_of_the_page_adds_all_that_it_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project = tomllib.loads(blocks("pyproject.toml"))["project"]
    points, code = project["entry-points"], blocks("acrank_clinic.py")
    folder = install(monkeypatch, tmp_path / "site", project["name"], points, code)
    digits = load_digits()
    np.save(tmp_path / "scans.npy", (digits.images * 15).astype(np.uint8))
    np.save(tmp_path / "scans_labels.npy", digits.target)
    save_file(timm.create_model("resnet10t").state_dict(), tmp_path / "resnet10t.safetensors")
    environment = {
        **os.environ,
        "PYTHONPATH": python_path(folder),
        "ACRANK_CACHE": str(tmp_path / "cache"),
        "SHELF": str(tmp_path),
    }
    (command,) = re.findall(r"`acrank (score --data scans.npy .*?)`", PAGE)
    command = command.replace("shelf:resnet18", "shelf:resnet10t --model shelf:resnet14t")
    small = ("--samples", "32", "--batch-size", "16", "--bootstrap", "4", "--csv", "out.csv")
    given = [sys.executable, "-m", "acrank", *command.split(), *small]
    done = subprocess.run(given, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 3, done.stderr  # the second network is not on the shelf
    assert "10 classes" in done.stderr
    rows = pd.read_csv(tmp_path / "out.csv").set_index("model")
    assert list(rows.loc["shelf:resnet10t", ["class_spread"]]) == [rows["score"].max()]
    assert "resnet14t.safetensors" in str(rows.loc["shelf:resnet14t", "reason"])
    assert json.loads((tmp_path / "runs.jsonl").read_text()) == {"best": "shelf:resnet10t"}


def test_every_room_of_the_page_is_there_and_every_room_is_on_the_page() -> None:
    named = set(re.findall(r"^\| `(\w+)/` \|", PAGE, re.M))
    there = {path.parent.name for path in (ROOT / "acrank").glob("*/__init__.py")}
    assert named == there


def test_the_files_that_the_page_names_are_there() -> None:
    paths = set(re.findall(r"`((?:acrank/)?[a-z_]+/[a-z_/]+\.(?:py|yaml))`", PAGE))
    assert paths
    there = {path for path in paths if (ROOT / path).exists() or (ROOT / "acrank" / path).exists()}
    assert paths == there


def test_the_report_of_the_page_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(blocks("report.py"), "report.py", "exec"), {})
    text = capsys.readouterr().out
    assert text.startswith("# What the run cost\n\n## Time\n")
    assert "| resnet18 |" in text


def test_the_option_of_the_page_is_the_one_of_the_code() -> None:
    (field,) = re.findall(r"^```python\n(seed: .*?)^```$", PAGE, re.M | re.S)
    code = (ROOT / "acrank" / "config.py").read_text()
    assert "".join(f"    {line}\n" for line in field.splitlines()) in code


def test_the_groups_of_the_page_are_those_of_the_registries() -> None:
    code = "".join(path.read_text() for path in (ROOT / "acrank").rglob("*.py"))
    groups = set(re.findall(r'Registry(?:\[.+\])?\(\s*"(acrank\.\w+)"', code))
    named = re.findall(r'group\s+`(acrank\.\w+)`|entry-points\."(acrank\.\w+)"', PAGE)
    assert len(groups) == 7
    assert groups == {group for pair in named for group in pair if group}
