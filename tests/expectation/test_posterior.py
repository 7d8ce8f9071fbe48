"""The expected accuracy is the precision-weighted mix of prior and score."""

import math

import numpy as np
import pytest

from acrank.expectation import UNKNOWN, expect
from acrank.expectation.scale import placed
from acrank.metrics import log_me
from acrank.priors import Prior, prior_of
from tests.expectation.made import SHARES, made, prior


def test_without_a_score_it_is_the_prior() -> None:
    for value in (math.nan, 0.3):
        found = expect(prior(0.7, 0.4), "" if value == 0.3 else "log_me", value, using=made())
        assert found.mean == pytest.approx(0.7)
        assert found.deviation == pytest.approx(math.hypot(0.3, 0.5 * 0.4) / 0.5)
        assert found.score == ""


def test_it_is_the_mix_by_precision() -> None:
    using, value = made(), 0.4
    found = expect(prior(1.0, 0.8), "log_me", value, SHARES, using=using)
    before, variance = 0.5, 0.3**2 + (0.5 * 0.8) ** 2
    said, noise = placed("log_me", value, SHARES) + 1.0, 0.5**2
    expected = (before / variance + said / noise) / (1 / variance + 1 / noise)
    assert found.mean == pytest.approx(expected / 0.5)
    assert found.deviation == pytest.approx((1 / variance + 1 / noise) ** -0.5 / 0.5)


def test_a_score_weighs_more_where_less_is_known() -> None:
    def rise(deviation: float) -> float:
        low, high = (
            expect(prior(0.0, deviation), "log_me", value, SHARES, using=made()).mean
            for value in (0.0, 0.5)
        )
        return high - low

    rises = [rise(deviation) for deviation in (0.1, 0.5, 2.0)]
    assert 0 < rises[0] < rises[1] < rises[2]


@pytest.mark.parametrize("score", ["log_me", "linear_probe", "knn"])
@pytest.mark.parametrize("known", [None, prior(0.3, 0.5), prior(-2.0, 3.0)])
def test_a_higher_score_is_never_worse(score: str, known: Prior | None) -> None:
    values = np.linspace(0, 1, 15)
    means = [expect(known, score, value, SHARES).mean for value in values]
    assert (np.diff(means) > 0).all()


def test_a_higher_prior_is_never_worse() -> None:
    means = [expect(prior(m, 0.6), "log_me", 0.1, SHARES).mean for m in (-1.0, 0.0, 1.0)]
    assert means == sorted(means)


@pytest.mark.parametrize("target", ["classes", "masks", "volumes"])
def test_where_nothing_is_known_the_order_is_that_of_log_me(target: str) -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(60) % 4
    heights = rng.uniform(0, 2, 8)
    scores = [
        log_me(rng.normal(size=(60, 6)) + height * np.eye(4, 6)[labels], labels)
        for height in heights
    ]
    found = [expect(Prior(), "log_me", score, SHARES, target).mean for score in scores]  # type: ignore[arg-type]
    assert np.argsort(found).tolist() == np.argsort(scores).tolist()


def test_an_unknown_name_has_no_prior_and_says_so() -> None:
    nothing = prior_of("hf-hub:nobody/knows-this")
    assert nothing.mean is None
    found = expect(nothing, "log_me", 0.1, SHARES)
    assert found.basis == UNKNOWN
    assert found == expect(None, "log_me", 0.1, SHARES)
    assert found.deviation > expect(prior_of("resnet50.tv_in1k"), "log_me", 0.1, SHARES).deviation


def test_a_score_of_which_nothing_was_learned_is_refused() -> None:
    with pytest.raises(KeyError):
        expect(None, "ac_corr", 0.1, SHARES)
    with pytest.raises(KeyError):
        expect(None, "knn", 0.1, SHARES, "masks")
