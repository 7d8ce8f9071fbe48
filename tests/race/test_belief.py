"""Noisy validation results are shrunk as far as they are noise, and no further."""

from __future__ import annotations

import numpy as np
import pytest

from acrank.race.belief import FURTHER, SPREADS, Prior, believe, plus_four


def outcomes(values: list[float], images: int, seed: int = 0) -> dict[str, list[float]]:
    """Outcomes of arms on the same images, which are as hard for all of them."""
    rng = np.random.default_rng(seed)
    hard = rng.random(images)
    own = rng.random((len(values), images))
    mixed = np.where(rng.random(images) < 0.6, hard, own)
    return {
        f"a{i}": (row < v).astype(float).tolist()
        for i, (row, v) in enumerate(zip(mixed, values, strict=True))
    }


def test_few_images_are_not_believed_and_many_are() -> None:
    few = believe(outcomes([0.6, 0.7, 0.8], 20), ["a", "b", "c"], {})
    many = believe(outcomes([0.6, 0.7, 0.8], 4000), ["a", "b", "c"], {})
    assert np.ptp(few.expected) < 0.2
    assert many.expected == pytest.approx([0.6, 0.7, 0.8], abs=0.03)
    assert many.p_best[2] > 0.99
    assert few.interval(2)[1] - few.interval(2)[0] > many.interval(2)[1] - many.interval(2)[0]


def test_arms_that_agree_on_all_images_are_alike() -> None:
    same = [1.0, 0.0, 1.0, 1.0] * 10
    belief = believe({"a": same, "b": same, "c": same}, ["a", "b", "c"], {})
    assert belief.alike(0, 1)
    assert belief.alike(2, 1)
    assert abs(belief.behind(0, 1)[0]) < 1e-9
    assert belief.p_best.sum() == pytest.approx(1.0)


def test_arms_that_are_exactly_alike_are_the_best_equally_often() -> None:
    same = outcomes([0.5], 32)["a0"]
    belief = believe({f"a{i}": same for i in range(10)}, ["m"] * 10, {})
    assert belief.p_best == pytest.approx(np.full(10, 0.1), abs=0.02)


def test_arms_that_are_right_everywhere_are_not_known_to_be_perfect() -> None:
    belief = believe({"a": [1.0] * 20, "b": [1.0] * 20}, ["a", "b"], {})
    low, high = belief.interval(0)
    assert low < 0.97
    assert high >= 0.99


def test_the_order_of_arms_does_not_matter() -> None:
    each = outcomes([0.6, 0.75, 0.7, 0.65], 60)
    belief = believe(each, ["a", "b", "c", "d"], {"a": Prior(2.0), "b": Prior(1.0)})
    turned = believe(
        dict(reversed(list(each.items()))), ["d", "c", "b", "a"], {"a": Prior(2.0), "b": Prior(1.0)}
    )
    assert turned.expected[::-1] == pytest.approx(belief.expected)


def test_expectations_decide_where_results_are_equal() -> None:
    each = {"a0": [1.0, 0.0, 1.0, 0.0], "a1": [0.0, 1.0, 0.0, 1.0]}
    belief = believe(each, ["poor", "good"], {"poor": Prior(-1.0), "good": Prior(1.0)})
    assert belief.leader == 1
    turned = believe(each, ["good", "poor"], {"poor": Prior(-1.0), "good": Prior(1.0)})
    assert turned.leader == 0


def test_shifting_or_scaling_what_was_expected_changes_nothing() -> None:
    each = outcomes([0.6, 0.75, 0.7], 50)
    models = ["a", "b", "c"]
    one = believe(each, models, {"a": Prior(1.0), "b": Prior(2.0), "c": Prior(4.0)})
    other = believe(each, models, {"a": Prior(103.0), "b": Prior(106.0), "c": Prior(112.0)})
    assert other.expected == pytest.approx(one.expected)


def test_the_spread_is_found_where_there_is_one() -> None:
    def spread(values: list[float]) -> float:
        belief = believe(outcomes(values, 2000), [f"m{i}" for i in range(len(values))], {})
        return float(belief.spread @ SPREADS)

    assert spread([0.7] * 8) < 0.03 < spread([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])


def test_images_that_an_arm_has_no_outcome_on_are_left_out_of_all() -> None:
    each = {"a": [1.0, 0.0, float("nan"), 1.0], "b": [1.0, 0.0, 0.0, 1.0]}
    belief = believe(each, ["a", "b"], {})
    assert belief.alike(0, 1)
    with pytest.raises(ValueError, match="no image"):
        believe({"a": [float("nan")], "b": [1.0]}, ["a", "b"], {})


def test_chances_of_being_the_best_hold_true() -> None:
    """Among made-up arms the leader is the best about as often as is said."""
    rng = np.random.default_rng(0)
    said, true = [], []
    for trial in range(60):
        values = np.clip(0.75 + 0.05 * rng.standard_normal(6), 0.05, 0.98)
        belief = believe(outcomes(values.tolist(), 150, trial), list("abcdef"), {}, seed=trial)
        said.append(belief.p_best[belief.leader])
        true.append(values.argmax() == belief.leader)
    assert np.mean(said) == pytest.approx(np.mean(true), abs=0.15)


@pytest.mark.parametrize(("right", "images"), [(50, 50), (0, 12), (30, 40)])
def test_the_interval_holds_the_mean_and_is_never_empty(right: int, images: int) -> None:
    low, high = plus_four([1.0] * right + [0.0] * (images - right))
    assert 0 <= low < high <= 1
    assert low <= right / images + 1e-9
    assert right / images <= high + 0.05


def test_one_outcome_has_no_interval() -> None:
    assert all(np.isnan(plus_four([1.0])))


def test_short_trainings_are_believed_less_than_finished_ones() -> None:
    rng = np.random.default_rng(0)
    each = {f"m{i}": (rng.random(200) < 0.5 + 0.08 * i).astype(float).tolist() for i in range(5)}
    models = list(each)
    finished = believe(each, models, {})
    short = believe(each, models, {}, further=FURTHER)
    assert np.ptp(short.expected) < np.ptp(finished.expected)
    assert short.p_best.max() < finished.p_best.max()
    assert short.leader == finished.leader == 4
    for arm in range(5):
        low, high = finished.interval(arm)
        below, above = short.interval(arm)
        assert above - below > high - low
