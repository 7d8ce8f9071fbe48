"""Settings of a choice: what is refused before anything is read, and what counts as the same."""

from __future__ import annotations

import pytest

from acrank.errors import ConfigError
from acrank.race.config import make_choose_config


def test_a_rate_that_is_given_twice_races_once() -> None:
    twice = make_choose_config({"data": "demo", "lrs": (0.01, 0.003, 0.01)})
    assert twice == make_choose_config({"data": "demo", "lrs": (0.01, 0.003)})
    assert twice.rates("head") == (0.01, 0.003)


@pytest.mark.parametrize("lr", [-1.0, 0.0, float("nan")])
def test_a_rate_that_trains_nothing_is_refused_at_once(lr: float) -> None:
    with pytest.raises(ConfigError, match="lr"):
        make_choose_config({"data": "demo", "lrs": (0.01, lr)})
