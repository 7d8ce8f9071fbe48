import itertools
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from acrank.experiments.validation.agreement import (
    STATISTICS,
    Array,
    agreement,
    pearson,
    regret,
    relative_accuracy,
    spearman,
    tau_b,
    weighted_tau,
)

# Few distinct values, so that ties are common.
TIED = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), min_size=3, max_size=9).map(
    lambda pairs: np.array(pairs, dtype=np.float64).T
)
UNTIED = (
    st.integers(3, 9)
    .flatmap(lambda n: st.tuples(st.permutations(range(n)), st.permutations(range(1, n + 1))))
    .map(lambda pair: np.array(pair, dtype=np.float64))
)
LISTS = st.one_of(TIED, UNTIED)


def same(ours: Array, theirs: float) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def constant(lists: Array) -> bool:
    return bool((np.ptp(lists, axis=1) == 0).any())


@given(LISTS)
def test_rank_correlations_are_those_of_scipy(lists: Array) -> None:
    scores, accuracies = lists
    if constant(lists):
        for function in (weighted_tau, tau_b, pearson, spearman):
            assert np.isnan(function(scores, accuracies))
        return
    same(weighted_tau(scores, accuracies), stats.weightedtau(scores, accuracies).statistic)
    same(
        weighted_tau(scores, accuracies, "accuracy"),
        stats.weightedtau(accuracies, scores, rank=None).statistic,  # type: ignore[call-overload]
    )
    same(tau_b(scores, accuracies), stats.kendalltau(scores, accuracies).statistic)
    same(pearson(scores, accuracies), stats.pearsonr(scores, accuracies).statistic)
    same(spearman(scores, accuracies), stats.spearmanr(scores, accuracies).statistic)


def brute_force_best(scores: Array, accuracies: Array, top: int) -> float:
    """Mean over all orders of the models, then sorted by score: ties fall at random."""
    found = []
    for order in itertools.permutations(range(len(scores))):
        ranked = sorted(order, key=lambda place: -scores[place])
        found.append(max(accuracies[place] for place in ranked[:top]))
    return float(np.mean(found))


@given(LISTS.filter(lambda lists: lists.shape[1] <= 6), st.sampled_from([1, 2, 3]))
def test_top_picks_are_expectations_over_ties(lists: Array, top: int) -> None:
    scores, accuracies = lists
    best = brute_force_best(scores, accuracies, top)
    same(relative_accuracy(scores, accuracies, top), best / accuracies.max())
    if top == 1:
        same(regret(scores, accuracies), accuracies.max() - best)


@given(UNTIED)
def test_the_same_order_is_1_and_the_opposite_one_minus_1(lists: Array) -> None:
    accuracies = lists[1]
    for function in (weighted_tau, tau_b, pearson, spearman):
        same(function(accuracies, accuracies), 1)
        same(function(-accuracies, accuracies), -1)
    same(weighted_tau(-accuracies, accuracies, "accuracy"), -1)
    same(regret(accuracies, accuracies), 0)
    same(relative_accuracy(-accuracies, accuracies, 1), accuracies.min() / accuracies.max())


@given(LISTS, st.randoms(use_true_random=False))
def test_neither_row_order_nor_a_monotone_transform_matters(lists: Array, random: Random) -> None:
    places = list(range(lists.shape[1]))
    random.shuffle(places)
    changed = np.array([np.exp(lists[0]) - 7, lists[1]])[:, places]
    before, after = agreement(*lists[:, None]), agreement(*changed[:, None])
    for name in STATISTICS:
        if name != "pearson":
            np.testing.assert_allclose(before[name], after[name], rtol=0, atol=1e-12)


def test_batches_are_their_rows_and_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    scores, accuracies = generator.integers(0, 6, (2, 40, 8)).astype(np.float64)
    whole = agreement(scores, accuracies)
    monkeypatch.setattr("acrank.experiments.validation.agreement.CHUNK", 100)
    for name, values in agreement(scores, accuracies).items():
        np.testing.assert_allclose(values, whole[name], atol=1e-12)
        alone = [
            agreement(x[None], y[None])[name][0] for x, y in zip(scores, accuracies, strict=True)
        ]
        np.testing.assert_allclose(values, alone, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_pearson_stands_scores_of_any_size(scale: float) -> None:
    same(pearson(np.array([1.0, 2, 4]) * scale, np.array([1.0, 2, 4])), 1)


def test_equal_scores_that_rounding_would_tell_apart_are_equal() -> None:
    assert np.isnan(pearson(np.full(7, 0.1), np.arange(7.0)))


def test_no_accuracy_above_zero_has_no_relative_accuracy() -> None:
    assert np.isnan(relative_accuracy(np.arange(3.0), np.array([-3.0, -2, 0]), 1))
    assert regret(np.arange(3.0), np.array([-3.0, 0, -2])) == 2
