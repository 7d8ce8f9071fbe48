"""What is wrong with the machine or its installation is not called a bug of acrank."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from acrank.report.builders.ranking import RankingReport
from acrank.report.renderers.records import to_json
from tests.cli.test_score import ROOT, Acrank, acrank
from tests.gate.rankings import FOUR, ranking_of

__all__ = ["acrank"]

LONG = "y" * 300
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="devices and links of Linux")


def run(folder: Path, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "acrank", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{path}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise OSError('libtorch_cpu.so: cannot open')", "OSError: libtorch_cpu.so: cannot open"),
        ("import no_such_part", "ModuleNotFoundError: No module named 'no_such_part'"),
        ("x = {}['version']", "KeyError: 'version'"),
    ],
)
def test_a_torch_that_does_not_import_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(text)
    path = f"{tmp_path}{os.pathsep}"
    done = run(tmp_path, "list-zoo", "--zoo", "demo", path=path)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert lines[0] == f"error: The package torch cannot be imported: {said}."
    assert "pip install --force-reinstall torch" in lines[1]
    assert run(tmp_path, "--help", path=path).returncode == 0


def test_a_working_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    script = f"cd {tmp_path}; mkdir gone; cd gone; rmdir ../gone; {sys.executable} -m acrank "
    for arguments, code in (("cache path", 2), ("--version", 0)):
        done = subprocess.run(
            ["bash", "-c", script + arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert ("The working folder cannot be used" in done.stderr) == (code == 2)


@LINUX
@pytest.mark.parametrize("name", [LONG, f"{LONG}/x", "d/" * 2500, "loop", "/dev/full", "file/x"])
@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("gate --scores scores.json --fail-under 0", "--json --csv --junit"),
        ("score --data demo --zoo demo", "--json --csv --html --markdown"),
        ("compare scores.json scores.json", "--json --csv"),
        ("report scores.json", "--html --markdown"),
        ("validate scores.json scores.json", "--json --csv"),
        ("explain lcnet_050 --data demo", "--json --csv --channels-csv --figure --html"),
        ("benchmark --data demo --zoo demo", "--html"),
    ],
)
def test_a_file_that_cannot_be_is_refused_first(
    acrank: Acrank, command: str, options: str, name: str
) -> None:
    Path("scores.json").write_text(to_json(RankingReport(ranking_of(FOUR))))
    Path("file").touch()
    Path("loop").symlink_to("loop")
    for option in options.split():
        done = acrank(*command.split(), option, name)
        assert done.returncode == 2, done.stderr
        assert done.stdout == ""
        assert name.rpartition("/")[0][:40] in done.stderr
        assert len(done.stderr) < 7000


@LINUX
def test_a_system_that_refuses_a_file_is_no_bug(
    acrank: Acrank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*args: object, **settings: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("acrank.runners.rank.rank_zoo", refused)
    done = acrank("score", "--data", "demo", "--zoo", "demo")
    assert done.returncode == 2
    assert done.stderr == "error: A file cannot be used: No space left on device.\n"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"score": 3.0,', '"score": NaN,', "NaN is not a JSON number"),
        ('"score": 3.0,', '"score": 1e999,', "1e999 is too large a number"),
        ('"score": 3.0,', '"score": "NaN",', "which is not a number"),
        ('"ac_corr": 3.0', '"ac_corr": Infinity', "Infinity is not a JSON number"),
        ('"scores": {\n    "ac_corr": 3.0', '"scores": {"ac_corr": "nan"', "which is not a number"),
    ],
)
def test_no_result_holds_what_is_no_number(
    acrank: Acrank, monkeypatch: pytest.MonkeyPatch, old: str, new: str, words: str
) -> None:
    text = to_json(RankingReport(ranking_of(FOUR)))
    assert old in text
    Path("scores.json").write_text(text.replace(old, new, 1))
    Path("whole.json").write_text(text)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", "github")
    for arguments in (
        ("gate", "--scores", "scores.json", "--fail-under", "0"),
        ("gate", "--scores", "whole.json", "--baseline", "scores.json"),
        ("compare", "whole.json", "scores.json"),
        ("report", "scores.json", "--markdown", "out.md"),
    ):
        done = acrank(*arguments)
        assert done.returncode == 2, arguments
        assert "scores.json" in done.stderr
        assert words in done.stderr
    assert not Path("github").exists()
    assert json.loads(text)
