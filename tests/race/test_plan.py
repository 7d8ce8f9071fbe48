"""A plan fits into its time, keeps enough back for the winner, and is as wide as it can be."""

from __future__ import annotations

import math
from typing import Any

import pytest

from acrank.race.config import ChooseConfig, make_choose_config
from acrank.race.costs import Costs
from acrank.race.field import arms_of, raced_of
from acrank.race.plan import (
    Plan,
    as_many_as_fit,
    begun,
    cycles_of,
    lap_epochs,
    make_plan,
    rungs_for,
    widths_of,
)
from acrank.race.result import Arm
from acrank.race.rungs import _best_of_each_way

MODELS = [f"m{i}" for i in range(8)]


def config(**settings: Any) -> ChooseConfig:
    """The configuration of a choice on the demo data."""
    return make_choose_config({"data": "demo", "zoo": "demo", **settings})


def costs(pace: float = 0.003125, **slow: float) -> Costs:
    """The same pace for all models, but for some."""
    return Costs({model: slow.get(model, pace) for model in MODELS}, (640, 160))


def plan(left: float, found: Costs | None = None, *, tested: bool = True, **settings: Any) -> Plan:
    """The plan for all arms of eight models."""
    used = config(**settings)
    arms = raced_of(MODELS, used)
    return make_plan(arms, used, found or costs(), left, tested=tested, smaller=False)


def test_without_a_budget_every_model_races_in_three_ways() -> None:
    found = plan(math.inf)
    assert list(found.arms) == raced_of(MODELS, config())
    assert found.widths == (24,)
    assert not found.skipped
    assert [rung.epochs for rung in found.rungs] == [9]


@pytest.mark.parametrize("left", [150, 300, 500, 1000, 3000, 10_000])
@pytest.mark.parametrize("tested", [True, False])
def test_a_plan_fits_its_time(left: float, tested: bool) -> None:
    found = plan(left, tested=tested)
    assert found.total <= left
    if found.rungs:
        assert len(found.arms) >= 2
        assert found.seconds["final"] > 0


def test_more_time_never_races_fewer_models() -> None:
    widths = [len(plan(left).arms) for left in (150, 300, 600, 1200, 2400, 4800)]
    assert widths == sorted(widths)


def test_models_race_one_after_the_other_each_in_three_ways_the_cheapest_first() -> None:
    arms = arms_of(MODELS, config())
    assert len(set(arms)) == 40
    assert arms[:24] == raced_of(MODELS, config())
    assert arms[:4] == [
        Arm("m0", "head", 0.01),
        Arm("m0", "full", 0.01),
        Arm("m0", "full", 0.003),
        Arm("m1", "head", 0.01),
    ]
    assert {arm.method for arm in arms[24:]} == {"ac-norm", "bn-only"}


def test_too_little_time_for_a_race_fine_tunes_the_first_that_fits() -> None:
    found = plan(10, costs(m1=0.0003))
    assert not found.rungs
    assert found.arms == (Arm("m1", "head", 0.01),)


def test_no_time_for_anything_gives_no_arm() -> None:
    assert plan(3).arms == ()


def test_slow_arms_are_left_out_and_said_to_be() -> None:
    found = plan(600, costs(m1=0.3))
    assert all(arm.model != "m1" for arm in found.arms)
    reasons = {name: why for name, why in found.skipped.items() if name.startswith("m1")}
    assert reasons
    assert all("a full fine-tuning of it takes" in why for why in reasons.values())


def test_the_most_promising_model_is_fine_tuned_alone_if_no_race_with_it_fits() -> None:
    dear = costs(m0=0.02)
    head = dear.of(Arm("m0", "head", 0.01), 30, None)
    assert plan(1.05 * head, dear).arms[0] == Arm("m0", "head", 0.01)
    alone = costs(0.02)
    assert plan(1.01 * head, alone).arms == (Arm("m0", "head", 0.01),)
    assert not plan(1.01 * head, alone).rungs
    assert "m0" in {arm.model for arm in plan(4 * head, dear).arms}
    assert Arm("m0", "head", 0.01) not in plan(0.9 * head, dear).arms


def test_a_race_leaves_time_for_full_fine_tunings() -> None:
    for left in range(100, 3000, 50):
        found = plan(left)
        assert not found.rungs or found.seconds["race"] <= 0.5 * left


def test_a_race_that_is_planned_again_takes_no_more_than_its_share_in_all() -> None:
    """Each lap that is cheaper than was thought leaves time for more of them, but not for ever."""
    used, found, true, left, raced = config(), costs(), costs(0.0015), 300.0, 0.0
    arms, done = raced_of(MODELS, used), list[Arm]()
    for _ in range(10):
        now = make_plan(arms, used, found, left, tested=True, smaller=False, done=done, raced=raced)
        new = [arm for arm in now.arms if arm not in done]
        for arm in new:
            seconds = true.of(arm, 9, None)
            raced, left = raced + seconds, left - seconds
            found.note(arm, 9, None, seconds, 0.9 * seconds / 9)
        done = list(now.arms)
        if not new:
            break
    assert done != arms
    assert 0.4 * 300 < raced <= 0.5 * 300


def test_folds_are_given_up_before_the_race() -> None:
    assert plan(10_000, tested=False).folds == 3
    found = [plan(left, tested=False) for left in range(60, 600, 5)]
    short = [one for one in found if one.rungs and not one.folds]
    assert all(len(one.arms) >= 2 for one in short)
    assert any(one.folds for one in found)


def test_rungs_of_smaller_images_are_parts_of_one_short_training() -> None:
    rungs = rungs_for(config(), 2, smaller=True)
    assert [(r.epochs, r.resumed, r.image_size) for r in rungs] == [
        (3, False, 128),
        (10, True, 128),
    ]
    assert cycles_of(rungs) == (3, 7)
    assert [lap_epochs(rungs, rung) for rung in rungs] == [3, 7]
    assert begun(rungs) == 0


def test_a_race_at_own_sizes_is_the_beginning_of_full_fine_tunings() -> None:
    (rung,) = rungs_for(config(), 2, smaller=False)
    assert (rung.epochs, rung.resumed, rung.image_size) == (9, False, None)
    assert begun([rung]) == 9


def test_what_the_race_has_trained_is_no_part_of_the_full_fine_tuning_to_come() -> None:
    found = plan(math.inf)
    full = costs().of(Arm("m0", "full", 0.01), 30, None)
    rest = costs().of(Arm("m0", "full", 0.01), 21, None)
    assert found.seconds["final"] == pytest.approx(rest)
    assert 0.7 < rest / full < 0.75


def test_a_slow_model_does_not_keep_those_after_it_from_racing() -> None:
    found = plan(300, costs(m2=0.0125))
    models = {arm.model for arm in found.arms}
    assert {"m0", "m1", "m3"} <= models
    assert "m2" not in models
    reasons = {why for name, why in found.skipped.items() if name.startswith("m2, head")}
    assert reasons == {"no time for it in the first rung"}


def test_an_arm_that_takes_most_of_the_time_does_not_race_unless_it_is_the_first() -> None:
    """The head of a dear network comes first; its other ways would leave no time for others."""
    dear = costs(m0=0.02)
    full = dear.of(Arm("m0", "full", 0.01), 30, None)
    assert {a.method for a in plan(1.1 * full, dear).arms if a.model == "m0"} == {"head"}
    assert {a.method for a in plan(3 * full, dear).arms if a.model == "m0"} == {"head", "full"}


def ends(epochs: int, smaller: bool, images: int = 1000) -> list[int]:
    return [r.epochs for r in rungs_for(config(epochs=epochs), 2, smaller, images)]


def test_short_fine_tunings_have_fewer_rungs() -> None:
    assert [ends(n, smaller=True) for n in (1, 4, 6, 15)] == [[1], [1], [1, 2], [2, 5]]
    assert [ends(n, smaller=False) for n in (1, 2, 4, 8, 10)] == [[1], [1], [1], [2], [3]]


def test_the_first_rung_has_some_steps_however_few_the_images() -> None:
    assert ends(30, smaller=True, images=160) == [4, 10]
    assert ends(30, smaller=True, images=90) == [10]
    assert ends(30, smaller=True, images=8) == [10]
    assert ends(30, smaller=False, images=33) == [10]
    assert ends(30, smaller=False, images=8) == [15]


def test_a_third_of_the_arms_go_on() -> None:
    assert widths_of(24, 2, 3) == (24, 8)
    assert widths_of(9, 2, 3) == (9, 6)
    assert widths_of(2, 2, 3) == (2, 2)
    assert widths_of(7, 1, 3) == (7,)


def test_the_best_arm_of_each_way_goes_on_first() -> None:
    order = [Arm(m, *way) for way in (("head", 0.01), ("full", 0.01)) for m in ("a", "b", "c")]
    assert _best_of_each_way(order) == [order[0], order[3], *order[1:3], *order[4:]]


def test_a_dear_arm_does_not_crowd_out_cheap_ones() -> None:
    arms = [Arm(name, "full", 0.01) for name in ("dear", "cheap", "fair")]
    laps = {"dear": 10.0, "cheap": 1.0, "fair": 2.0}
    chosen = as_many_as_fit(arms, lambda a: laps[a.model], lambda a: 5 * laps[a.model], 20.0)
    assert [arm.model for arm in chosen] == ["cheap", "fair"]


def test_measured_laps_correct_the_estimates() -> None:
    found = costs()
    arm, sibling, other = Arm("m0", "full", 0.01), Arm("m0", "head", 0.01), Arm("m5", "full", 0.01)
    predicted = 0.003125 * (640 + 0.35 * 160)
    found.note(arm, 2, None, seconds=2 * 3 * predicted + 5, epoch=3 * predicted)
    assert found.of(arm, 2, None) == pytest.approx(2 * 3 * predicted + 5)
    assert found.of(arm, 20, None) == pytest.approx(20 * 3 * predicted + 5)
    assert found.of(sibling, 10, None) == pytest.approx(0.4 * 10 * 3 * predicted + 5)
    assert found.of(other, 10, None) == pytest.approx(10 * 3 * predicted + 5)


def test_smaller_images_cost_less() -> None:
    found = Costs({"m0": 0.01}, (200, 50), sizes={"m0": 224})
    arm = Arm("m0", "full", 0.01)
    assert found.of(arm, 10, 112) < 0.5 * found.of(arm, 10, None)


def test_the_head_alone_of_a_network_with_a_decoder_costs_nearly_as_much_as_all_of_it() -> None:
    arm, head = Arm("m0", "full", 0.01), Arm("m0", "head", 0.01)
    found = Costs({"m0": 0.01}, (200, 50), decoder=True)
    assert 0.7 < found.of(head, 100, None) / found.of(arm, 100, None) < 0.8
    found.note(head, 2, None, seconds=10, epoch=4.5)
    assert found.of(arm, 10, None) == pytest.approx(1 + 10 * 4.5 / 0.75)
