"""Runs that are killed, and models that kill: nothing that was finished is lost."""

import csv
import io
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from tests.cli.test_score import DEMO, FAST, ROOT, Acrank, acrank, write_zoo
from tests.processes import python_path

__all__ = ["acrank"]

# ten in the long form of this test; each costs the start of a process
KILLS = int(os.environ.get("ACRANK_TEST_KILLS", "2"))
DONE = re.compile(r"\[\d+/\d+\] (\S+): (?:ok|unranked) \(\d")

BAD_NETS = """
import ctypes, os, signal, time

def killed(): os.kill(os.getpid(), signal.SIGKILL)
def crashes(): ctypes.string_at(0)
def sleeps(): time.sleep(1000)
def leaves(): print("on stdout"); os._exit(7)
"""


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "acrank", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": python_path(), "ACRANK_CACHE": str(folder / "kept")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def rows(text: str) -> list[dict[str, str]]:
    """The CSV but for its timings."""
    return [{**row, "seconds": ""} for row in csv.DictReader(io.StringIO(text))]


def scored_before(process: subprocess.Popen[str], kill_after: int, delay: float) -> list[str]:
    """Let a run score some models, wait a little, kill it; the models that it had finished."""
    assert process.stderr is not None
    names: list[str] = []
    while len(names) < kill_after:
        line = process.stderr.readline()
        assert line, "the run ended before it could be killed"
        names += DONE.findall(line)
    time.sleep(delay)
    process.kill()
    return names + DONE.findall(process.communicate(timeout=60)[1])


def test_a_run_that_is_killed_goes_on_where_it_was(acrank: Acrank, tmp_path: Path) -> None:
    arguments = (*DEMO, "--metric", "log_me", "--threads", "1", "--format", "csv")
    whole = acrank(*arguments)
    chance = random.Random(0)
    done: list[str] = []
    for _ in range(KILLS):
        if len(done) >= 9:
            break
        process = start(tmp_path, *arguments)
        done += scored_before(process, 1, chance.uniform(0, 0.8))
    last = start(tmp_path, *arguments)
    out, err = last.communicate(timeout=300)
    assert last.returncode == 0, err
    assert rows(out) == rows(whole.stdout)
    assert len(done) == len(set(done))
    assert not set(DONE.findall(err)) & set(done)
    kept = re.findall(r"\] (\S+): \w+ \(kept\)", err)
    assert set(kept) >= set(done)
    assert len(kept) + len(DONE.findall(err)) == 10


def test_what_a_model_does_to_its_process_costs_its_row_only(
    acrank: Acrank, tmp_path: Path
) -> None:
    (tmp_path / "bad_nets.py").write_text(BAD_NETS)
    demo = yaml.safe_load((ROOT / "acrank/zoo/demo/zoo.yaml").read_text())["models"][:3]
    for entry in demo:
        entry["weights"] = str(ROOT / "acrank/zoo/demo" / entry["weights"])
    names = ("killed", "crashes", "sleeps", "leaves")
    bad = [{"name": name, "factory": f"bad_nets:{name}"} for name in names]
    zoo = write_zoo(tmp_path, demo[0], *bad, *demo[1:])
    common = ("score", "--data", "demo", "--zoo", zoo, *FAST, "--format", "csv", "--fresh")
    isolated = ("--jobs", "2", "--threads", "2", "--timeout-per-model", "12s", "--trust-code")
    done = acrank(*common, *isolated)
    assert done.returncode == 3, done.stderr
    found = {row["model"]: row for row in rows(done.stdout)}
    assert "SIGKILL" in found["killed"]["reason"]
    assert "SIGSEGV" in found["crashes"]["reason"]
    assert found["sleeps"]["reason"].startswith("given up after 12 s")
    assert "exit code 7" in found["leaves"]["reason"]
    assert [row for row in found if found[row]["status"] == "failed"] == list(names)
    here = acrank(*common, "--model", "demo-*", "--threads", "1")
    good = [{**row, "rank": row["rank"]} for row in found.values() if row["status"] == "ok"]
    assert rows(here.stdout) == good


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent(tmp_path: Path, how: signal.Signals) -> None:
    process = start(tmp_path, *DEMO, "--jobs", "2", "--fresh", "--format", "csv")
    assert process.stderr is not None
    while not process.stderr.readline().startswith("["):  # a model has been scored
        assert process.poll() is None
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len([worker for worker in workers if "spawn_main" in " ".join(worker.cmdline())]) == 2
    if how is signal.SIGKILL:
        process.kill()
    else:
        os.killpg(process.pid, how)
    out, err = process.communicate(timeout=60)
    _gone, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive
    if how is signal.SIGINT:
        assert process.returncode == 130, err
        assert out.startswith("rank,model")
    kept = start(tmp_path, "cache", "ls", "--format", "csv").communicate(timeout=60)[0]
    assert "demo-" in kept
