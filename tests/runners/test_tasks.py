"""What goes wrong with a task costs its own result only, wherever tasks run."""

import os
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest
import torch

from acrank.errors import ConfigError
from acrank.runners.tasks import VISIBLE, Tasks, _gpus, threads_each
from tests.processes import started_at_once
from tests.runners.chores import Chore, Done, chores, do, tasks, undone


@pytest.fixture
def _workers_start_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acrank.runners.worker_pool.SPAWN", started_at_once())


def test_in_this_process_tasks_run_in_turn_and_errors_are_results(
    capsys: pytest.CaptureFixture[str],
) -> None:
    begun: list[str] = []
    before = torch.get_num_threads()
    done = list(tasks().run(chores("prints", "raises", "exits", "last"), begin=begun.append))
    assert [one.name for one in done] == begun == ["prints", "raises", "exits", "last"]
    assert [one.reason for one in done] == [
        "",
        "ValueError: no such layer",
        "the network's code ended the process (exit code 4).",
        "",
    ]
    assert done[3].pid == os.getpid()
    assert done[3].threads == 1
    assert torch.get_num_threads() == before
    assert capsys.readouterr().out == ""


def test_in_this_process_an_interrupt_goes_through() -> None:
    begun: list[str] = []
    done = tasks().run(chores("first", "interrupted", "never"), begin=begun.append)
    assert next(done).name == "first"
    with pytest.raises(KeyboardInterrupt):
        next(done)
    assert begun == ["first", "interrupted"]


def test_admission_is_asked_before_each_task() -> None:
    done: list[str] = []

    def admit(chore: Chore) -> bool:
        return chore.name != "b" and len(done) < 2

    for one in tasks().run(chores("a", "b", "c", "d"), admit=admit):
        done.append(one.name)
    assert done == ["a", "c"]


def test_items_may_follow_from_results() -> None:
    found: list[Done] = []

    def items() -> Iterator[Chore]:
        yield Chore("1")
        while len(found) < 3:
            yield Chore(found[-1].name + "1")

    for one in tasks().run(items()):
        found.append(one)
    assert [one.name for one in found] == ["1", "11", "111"]


@pytest.mark.usefixtures("_workers_start_at_once")
def test_in_workers_every_end_of_a_task_costs_its_own_result() -> None:
    names = ("a", "raises", "dies", "exits", "b")
    done = {one.name: one for one in tasks(jobs=2).run(chores(*names))}
    assert sorted(done) == sorted(names)
    assert done["raises"].reason == "ValueError: no such layer"
    assert done["dies"].reason == "the network's code ended the worker process (exit code 1)."
    assert done["exits"].reason == "the network's code ended the process (exit code 4)."
    assert done["a"].reason == done["b"].reason == ""
    assert done["a"].threads == 1
    assert done["a"].pid != os.getpid()


@pytest.mark.usefixtures("_workers_start_at_once")
def test_a_timeout_without_jobs_means_one_worker() -> None:
    done = list(tasks(timeout=2).run(chores("sleeps", "next")))
    assert [one.reason for one in done] == ["given up after 2 s (--timeout).", ""]
    assert done[0].seconds >= 2
    assert done[1].pid != os.getpid()


@pytest.mark.usefixtures("_workers_start_at_once")
def test_closing_ends_the_workers_at_once() -> None:
    with closing(tasks(jobs=2).run(chores("first", "sleeps", "sleeps"))) as found:
        first = next(found)
        assert psutil.pid_exists(first.pid)
    assert not psutil.pid_exists(first.pid)


@pytest.mark.usefixtures("_workers_start_at_once")
def test_no_more_workers_start_than_there_are_items() -> None:
    done = list(tasks(jobs=50).run(chores("a", "b")))
    assert len({one.pid for one in done}) <= 2
    assert list(tasks(jobs=2).run([])) == []


def test_a_device_that_is_not_there_is_refused_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ConfigError, match="'cuda' is not available"):
        list(Tasks(do, undone, jobs=1, device="cuda").run(chores("a")))


@pytest.mark.usefixtures("_workers_start_at_once")
@pytest.mark.parametrize(
    ("visible", "count", "seen"), [("", 2, "0"), ("5,7,9", 3, "5"), ("GPU-a,-1", 1, "GPU-a,-1")]
)
def test_each_worker_sees_a_gpu_of_its_own(
    monkeypatch: pytest.MonkeyPatch, visible: str, count: int, seen: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    monkeypatch.setenv(VISIBLE, visible)
    (done,) = Tasks(do, undone, jobs=1, device="cuda").run(chores("gpu"))
    if count > 1:
        assert done.reason == seen
    assert [name for name in _gpus() if name] == {1: [], 2: ["0", "1"], 3: ["5", "7", "9"]}[count]


def test_tasks_share_the_threads() -> None:
    assert threads_each(8, 3) == 2
    assert threads_each(2, 4) == 1
    assert threads_each(4, None) == 4
