import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrank.utils.duration import duration_text, parse_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "0.25s"), (8, "8s"), (90, "1m30s"), (600, "10m"), (5400, "1h30m"), (7 * 86400, "7d")],
)
def test_spans_read_well(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
    assert parse_duration(text) == seconds


@given(st.integers(60, 10**7))
def test_whole_seconds_are_read_back(seconds: int) -> None:
    assert parse_duration(duration_text(seconds)) == seconds
