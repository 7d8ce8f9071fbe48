"""Tasks on a Ray cluster of this machine."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from acrank.errors import AcrankError
from acrank.runners.ray import handout, tasks
from acrank.runners.tasks import Tasks, say_nothing
from tests.processes import python_path
from tests.runners.chores import Chore, Done, chores, do, undone


def on_ray(jobs: int | None = None, **changes: Any) -> Tasks[Chore, Done]:
    usual: dict[str, Any] = {"threads": 1, "engine": "ray", "device": "cpu", "batch_size": 1}
    return Tasks(do, undone, jobs=jobs, **{**usual, **changes})


@pytest.fixture(scope="module")
def _cluster() -> Iterator[None]:
    """One cluster for several runs, as for the rungs of a race."""
    pytest.importorskip("ray", reason="the extra ray is not installed")
    if sys.platform == "win32":
        pytest.skip("signals are POSIX here")
    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", python_path())
        with on_ray(jobs=2).engaged(told.append):
            yield
    assert told == ["starting a Ray cluster on this machine"]


@pytest.mark.usefixtures("_cluster")
def test_every_end_of_a_task_costs_its_own_result(tmp_path: Path) -> None:
    told: list[str] = []
    items = [*chores("a", "raises", "exits", "b"), Chore("dies once", tmp_path)]
    found = on_ray(jobs=2).run(items, tell=told.append, admit=lambda chore: chore.name != "b")
    done = {one.name: one for one in found}
    assert sorted(done) == ["a", "dies once", "exits", "raises"]
    assert done["raises"].reason == "ValueError: no such layer"
    assert done["exits"].reason == "the network's code ended the process (exit code 4)."
    assert done["a"].reason == done["dies once"].reason == ""  # it was tried again
    assert done["a"].pid != os.getpid()
    assert done["a"].threads == 1
    assert not any("starting a Ray cluster" in line for line in told)  # it runs already


@pytest.mark.usefixtures("_cluster")
def test_time_is_limited_and_tasks_work_where_the_driver_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = on_ray(timeout=1, option="--limit", folder=Path("race"))
    done = {one.name: one for one in given.run(chores("sleeps", "here"))}
    assert done["sleeps"].reason == "given up after 1 s (--limit)."
    assert done["sleeps"].seconds == 1
    assert done["here"].reason == str(tmp_path)
    assert list((tmp_path / "race").iterdir()) == []  # what shows it to workers is gone


def test_a_worker_that_has_another_folder_refuses_to_work(tmp_path: Path) -> None:
    errand = tasks.Errand(do, 1, None, "", tmp_path, tmp_path / "not-here")
    outcome: Any = tasks.do(errand, Chore("a"))
    assert f"has not the folder '{tmp_path}'" in outcome.reason
    assert "--output" in outcome.reason
    with pytest.raises(AcrankError, match="has not the folder"):
        tasks.Errand(do, 1, None, "", tmp_path / "nowhere", None).enter()


def test_what_no_node_can_run_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled: list[str] = []
    ray = SimpleNamespace(
        wait=lambda tasks, num_returns, timeout: ([], tasks),
        cancel=lambda task, force: cancelled.append(task),
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(handout, "alive", list)
    needs: Any = SimpleNamespace(fit=lambda nodes: False, cpus=1)
    run: handout.Handout[Chore, Done] = handout.Handout(lambda c: c.name, undone, needs, None)
    done = list(run.results(iter(chores("a", "b")), 2, say_nothing, lambda c: True, say_nothing))
    assert {one.name for one in done} == set(cancelled) == {"a", "b"}
    assert all("no node is left" in one.reason for one in done)
