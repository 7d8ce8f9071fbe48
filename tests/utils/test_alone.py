import subprocess
import sys
from pathlib import Path

import pytest

from acrank.errors import ConfigError
from acrank.utils.alone import LOCK, alone_in

HOLD = """
import sys, time
from pathlib import Path
from acrank.utils.alone import alone_in
with alone_in(Path(sys.argv[1])):
    print("in", flush=True)
    time.sleep(600)
"""


def test_one_process_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with (
            pytest.raises(ConfigError, match=r"Another process is working in '.*results'") as told,
            alone_in(folder),
        ):
            raise AssertionError
        assert "--output" in str(told.value.hint)
        other.kill()
    assert (folder / LOCK).exists()  # a killed process cannot remove it
    with alone_in(folder):
        (folder / "result").touch()
    assert [path.name for path in folder.iterdir()] == ["result"]


def test_folders_made_for_nothing_are_removed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), alone_in(tmp_path / "new"):
        raise ZeroDivisionError
    assert not (tmp_path / "new").exists()
    with alone_in(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_folders_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be used: Not a directory"):
        alone_in(tmp_path / "file" / "results").__enter__()
