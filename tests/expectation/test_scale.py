"""Scores are put on a scale that depends on the data alone."""

import math

import numpy as np
import pytest

from acrank.expectation.scale import PREFERRED, placed, silent_log_me
from acrank.metrics import log_me

SHARES = (0.5, 0.3, 0.2)


def test_log_me_of_features_that_say_nothing_is_its_lowest_value() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    noise = np.random.default_rng(0).normal(size=(100, 3))
    silent = silent_log_me(np.bincount(labels) / 100)
    found = log_me(noise, labels)
    telling = log_me(noise + 3 * np.eye(3)[labels], labels)
    assert silent <= found < telling


@pytest.mark.parametrize("score", PREFERRED)
def test_a_higher_score_has_a_higher_place(score: str) -> None:
    values = np.linspace(0, 1, 21) if score != "log_me" else np.linspace(-3, 5, 21)
    places = [placed(score, value, SHARES) for value in values]
    assert np.isfinite(places).all()
    assert (np.diff(places) > 0).all()


def test_the_place_has_no_jump_where_features_say_nothing() -> None:
    silent = silent_log_me(SHARES)
    around = [placed("log_me", silent + step, SHARES) for step in (-1e-9, 0, 1e-9)]
    assert around == pytest.approx([math.log(0.01)] * 3, abs=1e-6)


def test_a_score_that_cannot_be_weighed_is_refused() -> None:
    with pytest.raises(KeyError):
        placed("ac_corr", 1.0, SHARES)
