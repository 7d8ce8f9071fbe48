import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from acrank.metrics.estimate import Estimate
from acrank.ranking import statistics
from acrank.ranking.statistics import (
    Array,
    compared,
    interval,
    known,
    posterior,
    separable,
    shares_of_best,
    tie_groups,
)
from tests.memory import at_most


def of(values: Array) -> Estimate:
    return Estimate.of_trials(list(values))


def probability_of_best(values: Array, seed: int, draws: int = 20_000) -> Array | None:
    drawn = posterior([of(row) for row in values], seed, draws)
    return None if drawn is None else shares_of_best(drawn)


def test_interval_is_students() -> None:
    values = np.array([1.0, 2.0, 4.0, 3.5])
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert interval(of(values)) == pytest.approx((expected.low, expected.high))
    assert interval(of(values[:1])) is None


def test_interval_covers_as_it_says() -> None:
    draws = np.random.default_rng(0).normal(3.0, 1.0, (2000, 5))
    bounds = [interval(of(row)) for row in draws]
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
    assert separable(of(values[0]), of(values[1]))


def test_equal_models_share() -> None:
    shares = probability_of_best(np.tile([1.0, 2.0, 3.0], (4, 1)), 0)
    assert shares == pytest.approx([0.25] * 4)
    assert not separable(of(np.ones(3)), of(np.ones(3)))
    assert separable(of(np.ones(3) + 1), of(np.ones(3))) is None  # what does not vary is unknown


def test_one_trial_gives_no_uncertainty() -> None:
    assert probability_of_best(np.ones((3, 1)), 0) is None
    assert compared([of(np.ones(1)), of(np.zeros(1))], 1.0, 0) == {}


def test_a_group_ends_where_its_first_is_told_apart() -> None:
    noise = np.array([0.0, 0.1, -0.1, 0.05])
    best, near = 5.0 + noise, 5.0 + noise[::-1]
    low, lower = 3.0 + noise, 1.0 + noise
    assert tie_groups([of(row) for row in (best, near, low, lower)]) == [1, 1, 2, 3]
    assert tie_groups([of(best)]) == [1]


def test_subsamples_give_the_variance_of_the_mean() -> None:
    """Means of random parts vary about the whole's by a known share of its own error."""
    generator = np.random.default_rng(3)
    covered = []
    for _ in range(400):
        sample = generator.exponential(size=40)
        parts = [generator.permutation(sample)[:30].mean() for _ in range(60)]
        bounds = interval(Estimate(sample.mean(), replicates=tuple(parts)))
        covered.append(bounds is not None and bounds[0] <= 1.0 <= bounds[1])
    assert 0.90 < np.mean(covered) < 0.98


def test_what_is_unknown_of_one_is_unknown_of_the_comparison() -> None:
    fixed, varying = Estimate(2.0), of(np.array([1.0, 1.2, 0.8, 1.1]))
    assert interval(fixed) is None
    assert posterior([fixed, varying], 0) is None
    assert separable(fixed, varying) is None
    assert compared([fixed, varying], 1.0, 0) == {}
    assert posterior([Estimate(1.0, replicates=(1.0, 2.0)), varying], 0) is None  # no pairs
    assert posterior([], 0) is None


def test_a_part_without_a_value_is_left_out() -> None:
    gap = Estimate(1.0, replicates=(0.9, float("nan"), 1.1, 1.05))
    whole = Estimate(1.0, replicates=(0.9, 1.1, 1.05))
    assert interval(gap) == pytest.approx(interval(whole))
    drawn = posterior([gap, Estimate(1.0, replicates=(1.0, 9.0, 1.1, 0.9))], 0)
    assert drawn is not None
    assert np.isfinite(drawn).all()
    assert interval(Estimate(1.0, replicates=(float("nan"),) * 3)) is None


SAME = [
    (0.7,) * 5,
    (0.7 + 1e-12, 0.7, 0.7 - 1e-12),
    (0.0, 0.0),
    (0.7, math.nan, math.nan, 0.6, math.nan),
]


@pytest.mark.parametrize("replicates", SAME)
def test_parts_that_do_not_vary_or_are_few_are_no_certainty(replicates: tuple[float, ...]) -> None:
    estimate = Estimate(0.7, replicates=replicates)
    assert interval(estimate) is None
    assert estimate.unknown
    assert compared([estimate, estimate], 1.0, 0) == {}


def test_a_model_of_unknown_uncertainty_leaves_the_others_theirs() -> None:
    generator = np.random.default_rng(0)
    rest = [of(generator.normal(size=6) - 2 * place) for place in range(3)]
    alone = compared(rest, 1.0, 0)
    stuck, odd = Estimate(9.0), Estimate(8.0, replicates=(7.0, 9.0))
    beside = compared([stuck, odd, *rest], 1.0, 0)
    assert beside == {place + 2: found for place, found in alone.items()}
    assert compared([stuck, rest[0]], 1.0, 0) == {}  # there is none to compare with
    assert compared([rest[0]], 1.0, 0) == {0: (1.0, 1)}


def test_a_model_without_values_on_most_parts_leaves_the_others_their_pairs() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(4, 10))
    values[0, :4], values[1, 4:8] = math.nan, math.nan
    estimates = [Estimate(0.0, replicates=tuple(row)) for row in values]
    assert known(estimates) == [0, 2, 3]


def test_many_parts_of_few_images_do_not_narrow_the_interval() -> None:
    """Fifty parts of four images in two classes know two degrees of freedom, not 49."""
    replicates = tuple(np.random.default_rng(0).normal(size=50))
    few, many = (Estimate(0.0, replicates=replicates, freedom=freedom) for freedom in (2, 90))
    plain = interval(Estimate(0.0, replicates=replicates))
    assert interval(many) == plain
    assert plain is not None
    wide = interval(few)
    assert wide is not None
    assert wide[1] / plain[1] == pytest.approx(stats.t.ppf(0.975, 2) / stats.t.ppf(0.975, 49))
    ahead = Estimate(0.2, replicates=tuple(np.random.default_rng(1).normal(size=50)), freedom=2)
    drawn = posterior([ahead, few], 0)
    deviations = ahead.deviations - few.deviations
    error = np.sqrt((deviations**2).sum() / 49)
    assert drawn is not None
    assert (drawn[:, 0] > drawn[:, 1]).mean() == pytest.approx(
        stats.t.cdf(0.2 / error, 2), abs=0.02
    )


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_probability_of_best_is_the_share_of_all_draws(sign: float) -> None:
    generator = np.random.default_rng(0)
    estimates = [of(generator.normal(size=6) + shift) for shift in (0.0, 0.2, 0.3)]
    drawn = posterior(estimates, 3)
    found = statistics.probability_of_best(estimates, sign, 3)
    assert drawn is not None
    assert found == pytest.approx(shares_of_best(sign * drawn), abs=1e-12)
    assert statistics.probability_of_best([Estimate(1.0), Estimate(2.0)], sign, 3) is None


def test_draws_of_many_models_are_never_held_at_once() -> None:
    generator = np.random.default_rng(0)
    estimates = [of(generator.normal(size=4)) for _ in range(400)]
    with at_most(40):  # all of them would be 61 MiB
        statistics.probability_of_best(estimates, 1.0, 0)
