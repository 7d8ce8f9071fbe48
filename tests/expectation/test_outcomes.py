"""Draws say how likely each candidate is the best, and what choosing it loses."""

from dataclasses import replace

import numpy as np
import pytest

from acrank.expectation import Expected, expect, kind_of, outcomes
from tests.expectation.made import SHARES, made, prior


def candidates(*scores: float) -> list[Expected]:
    return [expect(None, "log_me", score, SHARES, using=made()) for score in scores]


def test_probabilities_sum_to_one_and_follow_the_expectation() -> None:
    found = outcomes(candidates(0.1, 0.5, 0.3), using=made())
    assert sum(found.p_best) == pytest.approx(1)
    assert found.first == 1
    assert np.argsort(found.p_best).tolist() == [0, 2, 1]
    assert np.argsort(found.lost).tolist() == [1, 2, 0]
    assert found.lost_first == pytest.approx(found.lost[1])
    assert 0 == found.lost_several < found.lost_first < found.lost_first_most


def test_the_order_of_candidates_does_not_matter() -> None:
    given = candidates(0.1, 0.5, 0.3, 0.3, -0.2)
    straight = outcomes(given, using=made())
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(given))
        mixed = outcomes([given[i] for i in order], using=made())
        assert mixed.p_best == tuple(straight.p_best[i] for i in order)
        assert mixed.lost == tuple(straight.lost[i] for i in order)
        assert order[mixed.first] == straight.first
        assert sorted(order[list(mixed.alike)]) == list(straight.alike)


def test_candidates_of_the_same_expectation_share_evenly() -> None:
    found = outcomes(candidates(0.3, 0.3, 0.3), using=made())
    assert found.p_best == pytest.approx((1 / 3,) * 3)
    assert found.alike == (0, 1, 2)
    assert len(set(found.lost)) == 1


def test_what_lies_far_behind_is_not_alike() -> None:
    sure = [Expected(m, 0.1, "measured", "", np.nan) for m in (0.0, 0.02, -5.0)]
    found = outcomes(sure, using=made())
    assert found.alike == (0, 1)
    assert found.p_best[2] < 0.02


def test_one_candidate_loses_nothing() -> None:
    found = outcomes(candidates(0.2), using=made())
    assert (found.p_best, found.lost_first, found.alike) == ((1.0,), 0.0, (0,))
    with pytest.raises(ValueError, match="no candidate"):
        outcomes([])


def test_fewer_points_are_lost_among_networks_that_people_know() -> None:
    public = [replace(one, public=True) for one in candidates(0.1, 0.5)]
    one_unknown = [public[0], replace(public[1], public=False)]
    assert [kind_of(pool) for pool in (public, one_unknown)] == ["known", "others"]
    assert kind_of(public, "masks") == "masks"
    known, others = (outcomes(pool, using=made()) for pool in (public, one_unknown))
    assert known.p_best == others.p_best
    assert known.lost_first == pytest.approx(others.lost_first / 2, rel=0.01)


def test_an_order_of_taking_them_is_followed() -> None:
    given = candidates(0.1, 0.5, 0.3, 0.2)
    best, worst = (outcomes(given, taken=t, using=made()) for t in ((1, 2, 3, 0), (0, 3, 2, 1)))
    assert best == outcomes(given, using=made())
    assert (worst.first, worst.p_best, worst.lost) == (0, best.p_best, best.lost)
    assert worst.lost_first == worst.lost[0] > best.lost_first
    assert worst.lost_several > best.lost_several
    assert worst.lost_first_most > best.lost_first_most
    assert 0 in worst.alike


def test_no_more_can_be_lost_than_there_is() -> None:
    far = [Expected(m, 0.1, "measured", "", np.nan) for m in (0.0, 1000.0)]
    assert outcomes(far, taken=(0, 1), using=made()).lost_first_most == 100


def test_many_candidates_take_fewer_draws() -> None:
    found = outcomes(candidates(*np.linspace(0, 1, 300)), using=made())
    assert sum(found.p_best) == pytest.approx(1)


def test_no_expectation_depends_on_the_others() -> None:
    known = [prior(0.5, 0.5), None, prior(-1.0, 0.7)]
    scores = [0.1, 0.4, 0.2]
    alone = [expect(k, "log_me", s, SHARES) for k, s in zip(known, scores, strict=True)]
    outcomes(alone)
    assert alone == [expect(k, "log_me", s, SHARES) for k, s in zip(known, scores, strict=True)]


def test_an_unknown_level_makes_scores_that_weigh_differently_less_sure() -> None:
    def chance(first: float, second: float) -> float:
        pair = [Expected(1.0, 0.3, "", "", 0.0, first), Expected(0.0, 0.3, "", "", 0.0, second)]
        return outcomes(pair, using=made()).p_best[0]

    assert chance(2.0, 2.0) == chance(0.0, 0.0)
    assert chance(4.0, 0.0) < chance(2.0, 1.0) < chance(2.0, 2.0)
