"""Containers: no HOME, a user without a name, a home that cannot be written to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_score import DEMO, ROOT, Acrank, acrank

__all__ = ["acrank"]

ONE = (*DEMO, "--model", "demo-cifar10", "--format", "csv")
UNIX = pytest.mark.skipif(sys.platform == "win32", reason="users of POSIX systems")


@pytest.fixture
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who has neither a name nor a home: docker run --user 54321."""
    import pwd

    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("HOME", "XDG_CACHE_HOME", "ACRANK_CACHE", "USER", "LOGNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


@UNIX
@pytest.mark.usefixtures("_nobody")
def test_without_a_home_a_run_keeps_nothing_and_says_so(acrank: Acrank, tmp_path: Path) -> None:
    done = acrank(*ONE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("demo-cifar10") == 1
    assert done.stderr.count("could not be kept for a later run: The home folder of this user") == 1
    assert not list(tmp_path.iterdir())  # no folder named ~
    listed = acrank("cache", "path")
    assert listed.returncode == 2
    assert "Set ACRANK_CACHE to a folder." in listed.stderr


@pytest.mark.parametrize("home", ["file", "file/below"])
def test_a_home_that_takes_no_files_costs_no_run(
    acrank: Acrank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ACRANK_CACHE", str(tmp_path / home))
    done = acrank(*ONE)
    assert done.returncode == 0, done.stderr
    assert "could not be kept for a later run" in done.stderr


@pytest.mark.parametrize("home", [{}, {"HOME": "/nonexistent"}, {"HOME": ""}])
def test_it_starts_in_an_empty_environment(tmp_path: Path, home: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "acrank", "gate", "--scores", "no.json", "--fail-under", "1"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], **home},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: 'no.json' cannot be read")


@UNIX
def test_the_home_of_nobody_is_a_path_that_does_not_exist(
    acrank: Acrank, monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments in (
        ("score", "--data", "~nosuchuser/x", "--zoo", "demo"),
        ("score", "--data", "demo", "--zoo", "~nosuchuser/x"),
        ("list-zoo", "--zoo", "~nosuchuser/x"),
        ("zoo", "check", "~nosuchuser/x"),
        ("finetune", "--data", "~nosuchuser/x", "--model", "lcnet_050"),
        ("benchmark", "--data", "~nosuchuser/x", "--zoo", "demo"),
    ):
        done = acrank(*arguments)
        assert done.returncode == 2, arguments
        assert "~nosuchuser" in done.stderr
    monkeypatch.setenv("ACRANK_CACHE", "~nosuchuser/x")
    assert acrank("cache", "ls").returncode == 2
