"""Draws say how likely each candidate is the best, and what choosing it loses."""

from itertools import pairwise

import numpy as np
import pytest

from acrank.expectation import Expected, expect, outcomes
from tests.expectation.made import SHARES, made, prior


def candidates(*scores: float) -> list[Expected]:
    return [expect(None, "log_me", score, SHARES, using=made()) for score in scores]


def test_probabilities_sum_to_one_and_follow_the_expectation() -> None:
    found = outcomes(candidates(0.1, 0.5, 0.3), 4, using=made())
    assert sum(found.p_best) == pytest.approx(1)
    assert found.first == 1
    assert np.argsort(found.p_best).tolist() == [0, 2, 1]
    assert np.argsort(found.lost).tolist() == [1, 2, 0]
    assert found.lost_first == pytest.approx(found.lost[1])
    assert 0 == found.lost_several < found.lost_first < found.lost_first_most


def test_the_order_of_candidates_does_not_matter() -> None:
    given = candidates(0.1, 0.5, 0.3, 0.3, -0.2)
    straight = outcomes(given, 4, using=made())
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(given))
        mixed = outcomes([given[i] for i in order], 4, using=made())
        assert mixed.p_best == tuple(straight.p_best[i] for i in order)
        assert mixed.lost == tuple(straight.lost[i] for i in order)
        assert order[mixed.first] == straight.first
        assert sorted(order[list(mixed.alike)]) == list(straight.alike)


def test_candidates_of_the_same_expectation_share_evenly() -> None:
    found = outcomes(candidates(0.3, 0.3, 0.3), 4, using=made())
    assert found.p_best == pytest.approx((1 / 3,) * 3)
    assert found.alike == (0, 1, 2)
    assert len(set(found.lost)) == 1


def test_what_lies_far_behind_is_not_alike() -> None:
    sure = [Expected(m, 0.1, "measured", "", np.nan) for m in (0.0, 0.02, -5.0)]
    found = outcomes(sure, 4, using=made())
    assert found.alike == (0, 1)
    assert found.p_best[2] == 0


def test_one_candidate_loses_nothing() -> None:
    found = outcomes(candidates(0.2), 4, using=made())
    assert (found.p_best, found.lost_first, found.alike) == ((1.0,), 0.0, (0,))
    with pytest.raises(ValueError, match="no candidate"):
        outcomes([])


def test_less_is_lost_where_accuracies_are_high() -> None:
    lost = [outcomes(candidates(s, s + 0.2), 4, using=made()).lost_first for s in (0.0, 2.0, 4.0)]
    assert all(later < earlier for earlier, later in pairwise(lost))


def test_no_expectation_depends_on_the_others() -> None:
    known = [prior(0.5, 0.5), None, prior(-1.0, 0.7)]
    scores = [0.1, 0.4, 0.2]
    alone = [expect(k, "log_me", s, SHARES) for k, s in zip(known, scores, strict=True)]
    outcomes(alone, 4)
    assert alone == [expect(k, "log_me", s, SHARES) for k, s in zip(known, scores, strict=True)]
