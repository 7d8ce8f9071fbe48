"""Draw a dot plot with intervals: a ranking of models, or of metrics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from acrank.report.plotting import (
    ACCENT,
    INK,
    LINE,
    QUIET,
    SECOND,
    WIDTH,
    fitted,
    label_numbers,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# CSS pixels of a row: its name stands above its dot, so that long names leave room for the dots.
ROW = 32.0
# Above the rows where limits are named, below and beside the rows.
_HEAD, _FOOT, _SIDE = 40.0, 44.0, 8.0
# Limits cross all rows; so what stands beside a row has a margin that no line crosses.
_MARGIN = 44.0


@dataclass(frozen=True)
class Dot:
    """One row of a dot plot.

    Attributes:
        name: stands above the dot.
        value: where the dot is.
        low: where its interval begins; NaN without one.
        high: where it ends.
        aside: a few letters at the end of the row.
        group: rows of one group, one after the other, share a band; None for none.
        square: whether it is of another kind than the others.
    """

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    aside: str = ""
    group: int | None = None
    square: bool = False


@dataclass(frozen=True)
class Limit:
    """A reference for the dots: a band, or a line where both ends agree."""

    name: str
    low: float
    high: float


@dataclass(frozen=True)
class Dots:
    """The data of a dot plot with intervals.

    Attributes:
        rows: from the top.
        across: name of the axis.
        description: what is to be seen.
        limits: a band and a line at most, so that their names have room.
    """

    rows: tuple[Dot, ...]
    across: str
    description: str
    limits: tuple[Limit, ...] = ()

    def draw(self) -> Figure:
        """Draw the figure; its height depends on the number of rows."""
        head, margin = (_HEAD, _MARGIN) if self.limits else (0.0, _SIDE)
        height = ROW * len(self.rows) + _FOOT + head
        figure = new_figure(WIDTH, height)
        with styled():
            width = 1 - (_SIDE + margin) / WIDTH
            axes = figure.add_axes((_SIDE / WIDTH, _FOOT / height, width, 1 - _FOOT / height))
            axes.set_ylim(len(self.rows) - 0.5, -0.5 - head / ROW)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            axes.margins(x=0.06)
            self._bands(axes)
            for limit in self.limits:
                _draw_limit(axes, limit)
            for place, row in enumerate(self.rows):
                self._draw(axes, place, row)
            label_numbers(axes.xaxis)
            axes.set_xlabel(self.across)
        return figure

    def _bands(self, axes: Axes) -> None:
        """Shade every second group of rows."""
        groups = groupby(range(len(self.rows)), key=lambda place: self.rows[place].group)
        for number, (group, places) in enumerate(groups):
            inside = list(places)
            if group is not None and number % 2 == 0:
                ends = inside[0] - 0.5, inside[-1] + 0.5
                axes.axhspan(*ends, color=LINE, alpha=0.35, linewidth=0)

    def _draw(self, axes: Axes, place: int, row: Dot) -> None:
        above, level = place - 0.2, place + 0.2
        if math.isfinite(row.low) and math.isfinite(row.high):
            ends = [row.low, row.high]
            axes.plot(ends, [level] * 2, color=INK, linewidth=2, solid_capstyle="butt")
        shape, colour = ("s", QUIET) if row.square else ("o", ACCENT)
        axes.plot([row.value], [level], shape, color=colour, markersize=6)
        across = axes.get_yaxis_transform()
        axes.text(0.01, above, fitted(row.name, 38), transform=across, va="center")
        end, beside = (1.11, level) if self.limits else (0.99, above)
        axes.text(end, beside, row.aside, transform=across, va="center", ha="right", color=QUIET)


def _draw_limit(axes: Axes, limit: Limit) -> None:
    if limit.low < limit.high:
        axes.axvspan(limit.low, limit.high, color=LINE, alpha=0.5, linewidth=0)
        level, colour, left = -0.75, QUIET, False
    else:
        axes.axvline(limit.low, color=SECOND, linestyle="--", linewidth=1.5)
        level, colour, left = -1.4, SECOND, limit.low > 0
    axes.annotate(
        limit.name,
        (limit.low, level),
        xytext=(-4 if left else 4, 0),
        textcoords="offset points",
        va="center",
        ha="right" if left else "left",
        color=colour,
    )
