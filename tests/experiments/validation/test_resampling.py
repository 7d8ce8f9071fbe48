import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from acrank.experiments.validation.resampling import (
    holm,
    means_over_datasets,
    percentile_interval,
    random_lists,
    resamples,
    signed_rank_test,
)


def test_every_order_of_few_models_and_drawn_ones_of_many() -> None:
    lists = random_lists(4, 100, seed=0)
    assert {tuple(row) for row in lists} == set(itertools.permutations(range(4)))
    assert random_lists(8, 100, seed=0).shape == (100, 8)
    np.testing.assert_array_equal(random_lists(8, 9, seed=3), random_lists(8, 9, seed=3))
    assert (random_lists(8, 9, seed=3) != random_lists(8, 9, seed=4)).any()


def test_resamples_are_seeded_and_with_replacement() -> None:
    places = resamples(6, 500, seed=1)
    assert places.shape == (500, 6)
    assert places.min() == 0
    assert places.max() == 5
    assert any(len(set(row)) < 6 for row in places)
    np.testing.assert_array_equal(places, resamples(6, 500, seed=1))


def test_undefined_draws_are_left_out_of_an_interval() -> None:
    values = np.arange(101.0)
    assert percentile_interval(values) == pytest.approx((2.5, 97.5))
    assert percentile_interval(np.append(values, [np.nan] * 100)) == pytest.approx((2.5, 97.5))
    assert all(map(math.isnan, percentile_interval(np.append(values, [np.nan] * 102))))


def test_means_draw_datasets_too() -> None:
    draws = [np.zeros(2000), np.ones(2000)]
    means = means_over_datasets(draws, seed=0)
    assert set(means) == {0.0, 0.5, 1.0}
    assert means.mean() == pytest.approx(0.5, abs=0.03)
    assert np.isnan(means_over_datasets([np.full(3, np.nan)], seed=0)).all()
    np.testing.assert_array_equal(means_over_datasets([draws[1]], seed=0), draws[1])


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=10, unique_by=abs))
def test_the_signed_rank_test_is_that_of_scipy(differences: list[float]) -> None:
    assume(0.0 not in differences)
    expected = stats.wilcoxon(differences, method="exact").pvalue
    assert signed_rank_test(np.array(differences)) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.integers(-3, 3), min_size=6, max_size=8))
def test_the_signed_rank_test_with_ties_counts_all_signs(differences: list[int]) -> None:
    moved = np.array([value for value in differences if value], dtype=np.float64)
    ranks = stats.rankdata(np.abs(moved))
    observed = abs((np.sign(moved) * ranks).sum())
    sums = [abs(np.dot(s, ranks)) for s in itertools.product([-1, 1], repeat=len(moved))]
    expected = np.mean([total >= observed - 1e-9 for total in sums])
    assert signed_rank_test(np.array(differences, dtype=np.float64)) == pytest.approx(expected)


def test_many_datasets_are_tested_by_the_normal_approximation() -> None:
    differences = np.random.default_rng(0).normal(0.2, 1, 30)
    expected = stats.wilcoxon(differences, method="approx").pvalue
    assert signed_rank_test(differences) == pytest.approx(expected, rel=1e-6)


def test_too_few_datasets_have_no_test() -> None:
    assert math.isnan(signed_rank_test(np.ones(5)))
    assert signed_rank_test(np.ones(6)) == pytest.approx(2 / 64)
    assert signed_rank_test(np.zeros(6)) == 1.0


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    with_none = holm([0.01, math.nan, 0.5])
    assert with_none[0] == pytest.approx(0.02)
    assert math.isnan(with_none[1])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
