"""Warn with a name and a reason where a score should not be trusted."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Every guard by name, with what it means.
GUARDS: dict[str, str] = {
    "n-below-d": "there are fewer images than feature channels, so width decides the fit",
    "saturated": "the score is at the end of its range and cannot tell good from better",
    "single-sample-class": "a class has one image, so its spread is unknown",
    "constant-features": "the features do not vary, or not enough for this metric",
    "not-finite": "the features or the result are infinite or not a number",
    "out-of-bounds": "the value is outside the range of the metric, so the arithmetic has failed",
    "interpolating": "the model can fit any labels exactly",
    "few-images": "there are too few images per class to estimate the variation of the score",
}

# Guards under which a score hardly varies from part to part of the sample, whatever the images:
# its spread would look certain, so that it has no interval.
NO_INTERVAL = ("few-images", "n-below-d", "saturated")

# How near the end of its range a value counts as saturated, relative to the range.
SATURATED = 1e-6
# How near it is taken to be the end itself.
EXACT = 1e-9


_collected: ContextVar[dict[str, str] | None] = ContextVar("_collected", default=None)


class GuardWarning(UserWarning):
    """Warning that a number of a metric means less than it seems to.

    Attributes:
        guard: a name of ``GUARDS``.
        text: the particulars, in a few words.
    """

    def __init__(self, guard: str, text: str) -> None:
        super().__init__(f"{guard}: {text}")
        self.guard = guard
        self.text = text


def warn_guard(guard: str, text: str) -> None:
    """Say that a guard fired: to :func:`collect_guards`, or as a :class:`GuardWarning`.

    Args:
        guard: a name of ``GUARDS``.
        text: the particulars, in a few words.
    """
    if guard not in GUARDS:
        raise KeyError(guard)
    collected = _collected.get()
    if collected is not None:
        collected.setdefault(guard, text)
        return
    warnings.warn(GuardWarning(guard, text), stacklevel=3)


def checked(value: float, low: float, high: float, *, saturates: bool = True) -> float:
    """Check a value of a metric against its range, and warn.

    Args:
        value: the result.
        low: lower end of the range; may be infinite.
        high: upper end; may be infinite.
        saturates: whether a value at the upper end is to be called saturated.

    Returns:
        The value; clipped to the range where it lies outside by rounding alone.
    """
    if not math.isfinite(value):
        warn_guard("not-finite", f"the result is {value}")
        return math.nan
    finite = [abs(end) for end in (low, high) if math.isfinite(end)]
    slack = SATURATED * max([1.0, *finite])
    if value < low - slack or value > high + slack:
        warn_guard("out-of-bounds", f"{value:.6g} is not in [{low:.6g}, {high:.6g}]")
        return value
    if saturates and value >= high - slack:
        warn_guard("saturated", f"{value:.6g} of at most {high:.6g}")
    # Rounding must not order what has reached the end.
    exact = EXACT * max([1.0, *finite])
    value = high if value > high - exact else low if value < low + exact else value
    return value + 0.0  # no minus zero


@contextmanager
def collect_guards() -> Iterator[dict[str, str]]:
    """Give the guards that fire in the block by name; no warning is issued.

    Each thread collects its own: Python's warning filters belong to the whole process.
    """
    fired: dict[str, str] = {}
    token = _collected.set(fired)
    try:
        yield fired
    finally:
        _collected.reset(token)
