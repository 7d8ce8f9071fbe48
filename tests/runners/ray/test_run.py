"""``--engine ray`` on a real cluster: two nodes, both on this machine."""

import csv
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from acrank import rank
from acrank.report.builders.ranking import RankingReport
from acrank.report.renderers.records import to_csv
from tests.processes import python_path
from tests.runners.ray.networks import bad, network, write_zoo

pytest.importorskip("ray", reason="the extra ray is not installed")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX here")

FAST = ("--samples", "16", "--batch-size", "8", "--threads", "1", "--trust-code")
# Raylets pass it on to their workers. A dead node is missed after three seconds, not after 30.
ENVIRONMENT = {
    "PYTHONPATH": python_path(),
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
HEALTH = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 1000,
    "health_check_failure_threshold": 3,
}
NODE = {"num_cpus": 1, "memory": 3 * 2**30, "object_store_memory": 80 * 2**20}
LIMIT = 240  # seconds for any one command

Cluster = Any  # of ray.cluster_utils
Start = Callable[..., "Command"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head and one more node, with a CPU each."""
    from ray import cluster_utils

    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        head = {**NODE, "include_dashboard": False, "_system_config": HEALTH}
        started = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
        try:
            started.add_node(**NODE)
            yield started
        finally:
            started.shutdown()


class Command:
    """``acrank score`` in a process of its own, in a process group of its own."""

    def __init__(self, folder: Path, zoo: Path, *arguments: str) -> None:
        given = ("score", "--data", "demo", "--zoo", str(zoo), *FAST, *arguments)
        self.out, self.err = (folder / f"{time.monotonic_ns()}.{end}" for end in ("out", "err"))
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "acrank", *given, "--format", "csv"],
                cwd=folder,
                env={**os.environ, **ENVIRONMENT, "ACRANK_CACHE": str(folder / "cache")},
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it as a machine that fails would; its own cluster ends with it."""
        self.process.kill()
        self.process.wait()

    def until(self, condition: Callable[[str], bool]) -> None:
        """Wait for something to happen while it runs."""
        end = time.monotonic() + LIMIT
        while not condition(self.err.read_text()):
            assert self.process.poll() is None, self.err.read_text()
            assert time.monotonic() < end, self.err.read_text()
            time.sleep(0.1)

    def done(self, code: int) -> dict[str, dict[str, str]]:
        """Wait for the end; the rows that it prints, by model."""
        try:
            self.process.wait(LIMIT)
        finally:
            self.kill()
        out, err = self.out.read_text(), self.err.read_text()
        assert self.process.returncode == code, err
        assert "Traceback" not in err
        assert out.startswith("rank,model,"), out  # and nothing of Ray's
        return by_model(out)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Starts commands; none outlives its test."""
    commands: list[Command] = []

    def begin(zoo: Path, *arguments: str) -> Command:
        commands.append(Command(tmp_path, zoo, "--engine", "ray", *arguments))
        return commands[-1]

    yield begin
    for command in commands:
        command.kill()


def by_model(text: str) -> dict[str, dict[str, str]]:
    return {row["model"]: row for row in csv.DictReader(io.StringIO(text))}


def in_process(
    folder: Path, zoo: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, dict[str, str]]:
    monkeypatch.setenv("ACRANK_CACHE", str(folder / "alone"))
    ranking = rank("demo", zoo, samples=16, batch_size=8, threads=1, trust_code=True)
    return by_model(to_csv(RankingReport(ranking)))


def numbers(rows: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    """All that a ranking says but for the time it took."""
    return [
        {name: text for name, text in row.items() if name != "seconds"} for row in rows.values()
    ]


def noted(folder: Path, name: str) -> list[str]:
    """What the networks have noted in a file."""
    path = folder / name
    return path.read_text().split() if path.exists() else []


def finished(err: str) -> list[str]:
    """Models with a line on stderr."""
    return [line.split()[1].rstrip(":") for line in err.splitlines() if line.startswith("[")]


def test_lost_workers_and_timeouts_cost_their_rows_only(
    cluster: Cluster, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = bad("killed_once", kwargs={"number": 2})
    zoo = write_zoo(tmp_path, "zoo.yaml", bad("killed"), bad("hangs"), once)
    rows = start(zoo, "--ray-address", cluster.address, "--timeout-per-model", "15").done(3)
    assert noted(tmp_path, "killed") == ["2"]
    failed = {name: rows.pop(name) for name in ("killed", "hangs")}
    assert {row["status"] for row in failed.values()} == {"failed"}
    assert "killed, 3 times" in failed["killed"]["reason"]
    assert "--batch-size" in failed["killed"]["reason"]
    assert failed["hangs"]["reason"] == "given up after 15 s (--timeout-per-model)."
    alone = in_process(tmp_path, write_zoo(tmp_path, "good.yaml", once), monkeypatch)
    assert numbers(rows) == numbers(alone)


def test_a_killed_driver_and_a_lost_node_lose_nothing_that_was_finished(
    cluster: Cluster, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo = write_zoo(tmp_path, "zoo.yaml", *(network(number, seconds=2) for number in range(4)))
    first = start(zoo, "--ray-address", cluster.address)
    first.until(lambda err: len(finished(err)) >= 3)
    first.kill()
    kept = finished(first.err.read_text())
    scored = Counter(noted(tmp_path, "scored"))
    (tmp_path / "nodes").unlink()

    second = start(zoo, "--ray-address", cluster.address)
    (node,) = cluster.worker_nodes
    second.until(lambda err: node.node_id in noted(tmp_path, "nodes"))
    cluster.remove_node(node, allow_graceful=False)
    rows = second.done(0)
    recalled = re.search(r"(\d) of 6 had been scored before", second.err.read_text())
    assert recalled is not None
    assert int(recalled[1]) >= len(kept)  # more, if it was killed before it told of the last
    again = Counter(noted(tmp_path, "scored"))
    assert all(again[name[4:]] == scored[name[4:]] for name in kept if name.startswith("net-"))
    assert numbers(rows) == numbers(in_process(tmp_path, zoo, monkeypatch))


def test_a_cluster_of_its_own_ends_with_the_run(start: Start, tmp_path: Path) -> None:
    run = start(write_zoo(tmp_path, "zoo.yaml", network(1), bad("hangs")), "--jobs", "1")
    run.until(lambda err: len(finished(err)) == 3)
    own = psutil.Process(run.process.pid).children(recursive=True)
    assert any("raylet" in process.name() for process in own)
    os.killpg(run.process.pid, signal.SIGINT)
    assert len(run.done(130)) == 3
    _, left = psutil.wait_procs(own, timeout=20)
    assert left == []
