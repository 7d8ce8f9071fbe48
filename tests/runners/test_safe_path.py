"""What lies in the working folder is data: no process of a run takes it for code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_score import ROOT

# Modules that Python, multiprocessing, and the packages below import early or late.
NAMES = ("types", "enum", "random", "signal", "contextlib", "torch", "joblib", "numpy", "acrank")


def fill(folder: Path) -> None:
    for name in NAMES:
        text = f"from pathlib import Path\nPath('ran-{name}').touch()\nraise SystemExit(9)\n"
        (folder / f"{name}.py").write_text(text)


def run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    known = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=known,
        capture_output=True,
        text=True,
        check=False,
    )


def test_workers_run_nothing_from_the_working_folder(tmp_path: Path) -> None:
    """The script acrank lies in another folder, which Python puts on the path in its place."""
    script, folder = tmp_path / "bin" / "script.py", tmp_path / "data"
    for path in (script.parent, folder):
        path.mkdir()
    script.write_text(
        "import os\n"
        "from tests.runners.echo import Word, pool\n"
        "if __name__ == '__main__':\n"
        f"    found = dict(pool().run(map(Word, {NAMES})))\n"
        "    print(*found.values(), sep='\\n')\n"
        "    assert 'PYTHONSAFEPATH' not in os.environ\n"
    )
    fill(folder)
    done = run(folder, str(script))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(os.sep) >= len(NAMES)
    assert str(folder) not in done.stdout
    assert not list(folder.glob("ran-*"))


def test_the_setting_of_the_user_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    from acrank.runners.worker import safe_path

    monkeypatch.setenv("PYTHONSAFEPATH", "yes")
    with safe_path():
        assert os.environ["PYTHONSAFEPATH"] == "1"
    assert os.environ["PYTHONSAFEPATH"] == "yes"


def test_python_m_leaves_the_working_folder(tmp_path: Path) -> None:
    """But for what Python itself imports before acrank is found."""
    for name in ("torch", "numpy", "random", "pydantic"):
        (tmp_path / f"{name}.py").write_text(f"open('ran-{name}', 'w')\n")
    done = run(tmp_path, "-m", "acrank", "compare", "no.json", "no.json")
    assert done.returncode == 2
    assert "'no.json' cannot be read" in done.stderr
    assert not list(tmp_path.glob("ran-*"))


def test_python_m_finds_a_checkout_in_the_working_folder() -> None:
    done = run(ROOT, "-m", "acrank", "--version", PYTHONPATH="")
    assert done.returncode == 0
    assert done.stdout.startswith("acrank ")
