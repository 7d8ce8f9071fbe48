"""A worker whose parent is killed ends, whatever it is doing."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from acrank.runners.worker import become_worker

PARENT = """
import multiprocessing, sys
from pathlib import Path
from tests.runners.test_worker import work

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=work, args=(Path(sys.argv[1]),))
    process.start()
    process.join()
"""


def work(folder: Path) -> None:
    """Say that it has begun, print, and be busy for long."""
    become_worker(folder)
    print("not for the result")
    (folder / "begun").touch()
    time.sleep(600)


def test_workers_end_with_their_parent_and_remove_what_it_left(tmp_path: Path) -> None:
    script, folder = tmp_path / "parent.py", tmp_path / "left"
    script.write_text(PARENT)
    folder.mkdir()
    with subprocess.Popen(
        [sys.executable, str(script), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as parent:
        while not (folder / "begun").exists():
            assert parent.poll() is None
            time.sleep(0.05)
        workers = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
        _, alive = psutil.wait_procs(workers, timeout=60)
        assert not alive
        assert parent.stdout is not None
        assert parent.stdout.read() == b""
    assert not folder.exists()
