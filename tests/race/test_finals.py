"""Full fine-tunings: which arms they are of, and what they say of the time that others take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from acrank.race.config import make_choose_config
from acrank.race.costs import Costs
from acrank.race.finals import Finals
from acrank.race.journal import Journal
from acrank.race.laps import Job, Ran
from acrank.race.result import Arm
from acrank.race.running import Running

ARMS = [Arm(name, "full", 0.01) for name in "abcd"]


class Played:
    """Plays fine-tunings: each takes its time and has its result."""

    here = True

    def __init__(self, now: list[float], results: Mapping[str, Ran]) -> None:
        self.now, self.results, self.ran = now, results, list[str]()

    def run(self, jobs: Sequence[Job], *, admit: Callable[[Job], bool], **_: Any) -> Iterator[Ran]:
        for job in filter(admit, jobs):
            found = self.results[job.config.model]
            self.now[0] += found.seconds
            self.ran.append(job.config.model)
            job.folder.mkdir(parents=True)
            yield Ran(**{**vars(found), "key": job.key})


def good(value: float, seconds: float = 10.0, epoch: float = 1.0) -> Ran:
    each = tuple(float(i < 10 * value) for i in range(10))
    return Ran("", value, each, measure="accuracy", seconds=seconds, epoch=epoch)


def finals(
    folder: Path, monkeypatch: pytest.MonkeyPatch, budget: float, results: Mapping[str, Ran]
) -> tuple[Finals, Played]:
    settings = {"data": "demo", "zoo": "demo", "epochs": 10, "finalists": 2}
    config = make_choose_config({**settings, "methods": ("full",), "lrs": (0.01,)})
    now = [0.0]
    played = Played(now, results)
    monkeypatch.setattr(Running, "tasks", played)
    journal = Journal(folder, "identity", lambda: now[0])
    running = Running(config, journal, folder, budget, lambda line: None, "accuracy")
    costs = Costs(dict.fromkeys("abcd", 0.01), (100, 0))
    return Finals(running, costs, {}, 0.0, None), played


def test_after_a_failure_the_next_in_line_is_fine_tuned_whatever_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the first has failed there is no time for the second, but one is needed."""
    failed = Ran("", reason="it diverged", seconds=20.0)
    found, played = finals(tmp_path, monkeypatch, 22.0, {"a": failed, "b": good(0.9)})
    heat = found.run(2, ARMS, (), early=False)
    assert played.ran == ["a", "b"]
    assert heat.finished == [ARMS[1]]


def test_further_arms_leave_time_for_judging_all_finalists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fine-tuning takes 10 s; the folds of an arm 20 s, and there are two finalists."""
    results = {name: good(0.9) for name in "abcd"}
    found, played = finals(tmp_path / "a", monkeypatch, 75.0, results)
    found.reserve = 20.0
    found.run(2, ARMS[:2], ARMS[2:], early=False)
    assert played.ran == ["a", "b", "c"]
    found, played = finals(tmp_path / "b", monkeypatch, 75.0, results)
    found.run(2, ARMS[:2], ARMS[2:], early=False)
    assert played.ran == ["a", "b", "c", "d"]


def test_what_went_on_after_a_kill_does_not_pass_for_fast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last epoch alone was run in this call, which took two seconds."""
    found, _ = finals(tmp_path, monkeypatch, 1e9, {"a": good(0.9, seconds=2.0, epoch=2.0)})
    found.run(2, ARMS[:1], (), early=True)
    assert found.costs.of(ARMS[1], 10, None) == pytest.approx(20.0)


def test_what_leads_after_long_training_is_not_replaced_by_what_led_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = finals(tmp_path, monkeypatch, 1e9, {"a": good(0.9)})
    heat = found.run(2, ARMS[:1], (), early=True)
    short = type(heat)(type(heat.rung)(1, 1, None, resumed=False), {ARMS[1]: good(0.5)})
    found.running.keep_best(short, ARMS[1])
    assert found.running.journal.find("best")["name"] == ARMS[0].name
