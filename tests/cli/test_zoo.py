import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.zoo.conftest import config_bytes, standin, weights_bytes
from tests.zoo.standin import StandIn

__all__ = ["standin"]  # the fixture
ROOT = Path(__file__).parents[2]
COMMIT = "d" * 40


@pytest.fixture
def folder(tmp_path: Path, standin: StandIn) -> Path:
    files = {"model.safetensors": weights_bytes(7), "config.json": config_bytes(7)}
    standin.add("me/net", files, COMMIT)
    return tmp_path


def acrank(folder: Path, hub: StandIn, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(folder / "home"),
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [sys.executable, "-m", "acrank", *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_add_check_and_pin_from_the_shell(folder: Path, standin: StandIn) -> None:
    added = acrank(folder, standin, "zoo", "add", "z.yaml", "hf-hub:me/net", "--no-pin")
    assert (added.returncode, added.stderr) == (
        0,
        "note: net: not pinned to a commit of the hub\n",
    )
    text = (folder / "z.yaml").read_text()
    assert added.stdout == text
    pinned = acrank(folder, standin, "zoo", "check", "z.yaml", "--pin", "--format", "json")
    assert (pinned.returncode, pinned.stderr) == (0, "note: pinned 1 model(s) in z.yaml\n")
    (row,) = json.loads(pinned.stdout)
    assert (row["status"], row["revision"], row["line"]) == ("ok", COMMIT, 3)
    assert (folder / "z.yaml").read_text() == text.replace("me/net}", f"me/net@{COMMIT}}}")
    (folder / "z.yaml").write_text(text + "  - {name: gone, source: hf-hub:me/gone}\n")
    checked = acrank(folder, standin, "zoo", "check", "z.yaml")
    assert checked.returncode == 3
    assert "2 models, 1 with errors, 1 with warnings" in checked.stdout
    (folder / "z.yaml").write_text("version: 2\n")
    unusable = acrank(folder, standin, "zoo", "check", "z.yaml")
    assert (unusable.returncode, unusable.stdout) == (2, "")
    assert "unknown version" in unusable.stderr


def test_warnings_count_if_asked(folder: Path, standin: StandIn) -> None:
    (folder / "z.yaml").write_text("version: 1\nmodels: [{name: x, source: hf-hub:me/net}]\n")
    for options, code in (([], 0), (["--strict"], 3)):
        ran = acrank(folder, standin, "zoo", "check", "z.yaml", "--offline", *options)
        assert ran.returncode == code, ran.stderr
    assert standin.requests == []


def test_sizes_of_a_listing(folder: Path, standin: StandIn) -> None:
    (folder / "z.yaml").write_text("version: 1\nmodels: [{name: x, source: hf-hub:me/net}]\n")
    listing = ["list-zoo", "--zoo", "z.yaml", "--format", "json"]
    for options, size in (([], None), (["--sizes", "--offline"], None)):
        (row,) = json.loads(acrank(folder, standin, *listing, *options).stdout)
        assert row["weights_mb"] is size
    assert standin.requests == []
    (row,) = json.loads(acrank(folder, standin, *listing, "--sizes").stdout)
    assert row["weights_mb"] == round(len(weights_bytes(7)) / 1e6, 3)
    standin.status = 503
    ran = acrank(folder, standin, *listing, "--sizes")
    assert ran.returncode == 0
    assert "does not answer" in ran.stderr
