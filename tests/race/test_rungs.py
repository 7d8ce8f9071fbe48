"""The arm that shows what laps cost, before the race is planned."""

from __future__ import annotations

from pathlib import Path

import pytest

from acrank.race.config import make_choose_config
from acrank.race.costs import Costs
from acrank.race.journal import Journal
from acrank.race.plan import NOTHING, rungs_for
from acrank.race.result import Arm
from acrank.race.rungs import Race
from acrank.race.running import Running
from acrank.race.standings import Heat

DEAR, CHEAP = Arm("dear", "head", 0.01), Arm("cheap", "head", 0.01)


def trial(folder: Path, budget: float) -> list[str]:
    """The models whose laps are run before the race is planned."""
    config = make_choose_config({"data": "demo", "zoo": "demo", "epochs": 10, "batch_size": 4})
    journal = Journal(folder, "identity", lambda: 0.0)
    running = Running(config, journal, folder, budget, lambda line: None, "accuracy")
    costs = Costs({"dear": 0.05, "cheap": 0.001}, (100, 0))
    rungs = rungs_for(config, 2, smaller=False, images=100)
    race = Race(running, [DEAR, CHEAP], lambda *_: NOTHING, rungs, costs, {})
    return [arm["model"] for arm in race._step(0, Heat(rungs[0]))["arms"]]


def test_the_most_promising_arm_shows_what_laps_cost_if_a_race_has_time_for_it(
    tmp_path: Path,
) -> None:
    # its three epochs are thought to take 7.5 s beside loading
    assert trial(tmp_path / "a", 40.0) == ["dear"]
    assert trial(tmp_path / "b", 20.0) == ["dear"]
    assert trial(tmp_path / "c", 10.0) == ["cheap"]
    assert trial(tmp_path / "d", 1.0) == []


def test_without_a_budget_nothing_is_tried_first(tmp_path: Path) -> None:
    assert trial(tmp_path, float("inf")) == []


@pytest.mark.parametrize("budget", [15.0, 1000.0])
def test_a_single_arm_has_nothing_to_race_with(tmp_path: Path, budget: float) -> None:
    config = make_choose_config({"data": "demo", "zoo": "demo"})
    journal = Journal(tmp_path, "identity", lambda: 0.0)
    running = Running(config, journal, tmp_path, budget, lambda line: None, "accuracy")
    rungs = rungs_for(config, 2, smaller=False)
    race = Race(running, [DEAR], lambda *_: NOTHING, rungs, Costs({}, (10, 0)), {})
    assert not race._step(0, Heat(rungs[0]))["arms"]
