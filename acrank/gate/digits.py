"""Numbers beside their limit, with as many digits as it takes to tell them apart."""

from __future__ import annotations

import math

FEWEST, MOST = 4, 17  # the latter are enough to tell any two floats apart


def shown(value: float, *others: float) -> str:
    """A number as text that differs from that of every number it differs from.

    Args:
        value: to show.
        others: what it is compared with, a limit for example.

    Returns:
        At least four significant digits, more where fewer would show two numbers as equal.
    """
    different = [other for other in others if other != value and not math.isnan(other)]
    for digits in range(FEWEST, MOST):
        text = f"{value:.{digits}g}"
        if all(text != f"{other:.{digits}g}" for other in different):
            return text
    return f"{value:.{MOST}g}"
