"""What the figures' axes have in common: short numbers, names that fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

if TYPE_CHECKING:
    from matplotlib.axis import Axis

# Values that span more than so many times the smallest are shown by their logarithm.
WIDE = 10.0


def fitted(name: str, most: int) -> str:
    """A name, cut in its middle where it is wider than so many letters: names differ at the end."""
    if cell_len(name) <= most:
        return name
    start = end = ""
    while cell_len(start + end + name[len(start)]) < most:
        start += name[len(start)]
        if cell_len(start + end + name[-len(end) - 1]) < most:
            end = name[-len(end) - 1 :]
    return f"{start}…{end}"


def spans_decades(values: Sequence[float]) -> bool:
    """Whether values are better shown by their logarithm."""
    return min(values) > 0 and max(values) > WIDE * min(values)


def label_numbers(axis: Axis, most: int = 5, *, whole: bool = False) -> None:
    """Few numbers along an axis, in plain notation, on a linear scale or a logarithmic one."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    if axis.get_scale() == "log":
        low, high = sorted(axis.get_view_interval())
        decades = math.log10(high / low)
        subs = (1.0, 2.0, 5.0) if decades < 2 else (1.0, 3.0) if decades < 3 else (1.0,)
        axis.set_major_locator(LogLocator(subs=subs, numticks=12))
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10], integer=whole))
    axis.set_major_formatter(FuncFormatter(_short))


def _short(value: float, _: Any = None) -> str:
    """A number as on an axis, its minus sign a hyphen's longer brother."""
    return f"{value:.6g}".replace("e+0", "e").replace("e-0", "e-").replace("-", "\N{MINUS SIGN}")
