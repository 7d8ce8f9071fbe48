import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from acrank.statistics import interval, probability_of_best, separable, tie_groups


def test_interval_is_students() -> None:
    values = np.array([1.0, 2.0, 4.0, 3.5])
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert interval(values) == pytest.approx((expected.low, expected.high))
    assert interval(values[:1]) is None


def test_interval_covers_as_it_says() -> None:
    draws = np.random.default_rng(0).normal(3.0, 1.0, (2000, 5))
    bounds = [interval(row) for row in draws]
    assert 0.93 < np.mean([b is not None and b[0] <= 3.0 <= b[1] for b in bounds]) < 0.97


@given(st.integers(1, 6), st.integers(2, 9), st.integers(0, 1000))
def test_probabilities_sum_to_one(models: int, trials: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(models, trials))
    shares = probability_of_best(values, seed, draws=500)
    assert shares is not None
    assert shares.sum() == pytest.approx(1)
    assert shares.shape == (models,)


def test_probability_of_two_is_the_paired_t_test() -> None:
    values = np.random.default_rng(1).normal(size=(2, 6)) + np.array([[0.5], [0.0]])
    shares = probability_of_best(values, 0, draws=200_000)
    p_value = stats.ttest_rel(values[0], values[1], alternative="greater").pvalue
    assert shares is not None
    assert shares[0] == pytest.approx(1 - p_value, abs=0.005)


def test_pairing_counts() -> None:
    shared = np.random.default_rng(2).normal(size=8) * 10
    values = np.stack([shared + 0.1, shared + 0.01 * np.arange(8) / 8])
    shares = probability_of_best(values, 0)
    assert shares is not None
    assert shares[0] > 0.999  # unpaired, the two would be alike
    assert separable(values[0], values[1])


def test_equal_models_share() -> None:
    shares = probability_of_best(np.tile([1.0, 2.0, 3.0], (4, 1)), 0)
    assert shares == pytest.approx([0.25] * 4)
    assert not separable(np.ones(3), np.ones(3))
    assert separable(np.ones(3) + 1, np.ones(3))


def test_one_trial_gives_no_uncertainty() -> None:
    assert probability_of_best(np.ones((3, 1)), 0) is None
    assert tie_groups([np.ones(1), np.zeros(1)]) is None


def test_a_group_ends_where_its_first_is_told_apart() -> None:
    noise = np.array([0.0, 0.1, -0.1, 0.05])
    best, near = 5.0 + noise, 5.0 + noise[::-1]
    low, lower = 3.0 + noise, 1.0 + noise
    assert tie_groups([best, near, low, lower]) == [1, 1, 2, 3]
    assert tie_groups([best]) == [1]
