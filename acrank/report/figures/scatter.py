"""Draw a scatter plot, such as scores against costs or accuracies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acrank.report.plotting import (
    ACCENT,
    INK,
    QUIET,
    WIDTH,
    label_numbers,
    new_figure,
    spans_decades,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# CSS pixels that a number takes beside its point; one that would cover another is left out.
_NUMBER = (19.0, 13.0)
# Below the plane and above it; beside it, as shares of the width.
_FOOT, _HEAD = 48.0, 9.0
_LEFT, _RIGHT = 0.17, 0.03


@dataclass(frozen=True)
class Spot:
    """One point of a scatter plot.

    Attributes:
        x: from the left.
        y: from below.
        number: stands beside it, where there is room; 0 for none.
        chosen: whether it stands out, as a diamond.
        spread: half the length of a line up and down from it.
    """

    x: float
    y: float
    number: int = 0
    chosen: bool = False
    spread: float = 0.0


@dataclass(frozen=True)
class Scatter:
    """The data of a scatter plot; the x axis is logarithmic where its values span decades.

    Attributes:
        spots: points; of those with a number, the first one's matters most.
        across: name of the axis from left to right.
        up: name of the other one.
        description: what is to be seen.
        falls_across: whether the axis has its lowest value on the right.
        falls_up: whether the other one has its lowest value on top.
        joined: whether a line leads from one chosen point to the next, and the others stand back.
        size: in CSS pixels.
    """

    spots: tuple[Spot, ...]
    across: str
    up: str
    description: str
    falls_across: bool = False
    falls_up: bool = False
    joined: bool = False
    size: tuple[float, float] = (WIDTH, 280.0)

    def draw(self) -> Figure:
        """Draw the figure."""
        figure = new_figure(*self.size)
        with styled():
            foot, head = _FOOT / self.size[1], _HEAD / self.size[1]
            axes = figure.add_axes((_LEFT, foot, 1 - _LEFT - _RIGHT, 1 - foot - head))
            if self.joined:
                front = sorted(
                    (spot for spot in self.spots if spot.chosen), key=lambda spot: spot.x
                )
                line = [spot.x for spot in front], [spot.y for spot in front]
                axes.plot(*line, color=QUIET, linestyle="--")
            for spot in reversed(self.spots):
                self._draw(axes, spot)
            axes.margins(0.09)
            if spans_decades([spot.x for spot in self.spots]):
                axes.set_xscale("log")
            if self.falls_across:
                axes.invert_xaxis()
            if self.falls_up:
                axes.invert_yaxis()
            axes.autoscale_view()  # else the limits are found only when they are drawn
            _number(axes, [spot for spot in self.spots if spot.number])
            label_numbers(axes.xaxis, 4 if self.size[0] < WIDTH else 5)
            label_numbers(axes.yaxis, 4 if self.size[0] < WIDTH else 5)
            axes.set_xlabel(self.across)
            axes.set_ylabel(self.up)
        return figure

    def _draw(self, axes: Axes, spot: Spot) -> None:
        if spot.spread:
            ends = [spot.y - spot.spread, spot.y + spot.spread]
            axes.plot([spot.x] * 2, ends, color=QUIET, linewidth=1.2, zorder=1.9)
        if spot.chosen:
            axes.plot([spot.x], [spot.y], "D", color=ACCENT, markersize=8, zorder=3)
        elif self.joined:
            axes.plot([spot.x], [spot.y], "o", color=QUIET, markersize=6, fillstyle="none")
        else:
            axes.plot([spot.x], [spot.y], "o", color=ACCENT, markersize=5)


def _number(axes: Axes, spots: Sequence[Spot]) -> None:
    """Write numbers beside the points, chosen points first; the limits of the axes must be set."""
    taken: list[tuple[float, float]] = []
    for spot in sorted(spots, key=lambda spot: (not spot.chosen, spot.number)):
        x, y = axes.transData.transform((spot.x, spot.y))
        if any(abs(x - a) < _NUMBER[0] and abs(y - b) < _NUMBER[1] for a, b in taken):
            continue
        taken.append((x, y))
        axes.annotate(
            str(spot.number),
            (spot.x, spot.y),
            xytext=(7, 5),
            textcoords="offset points",
            color=INK if spot.chosen else QUIET,
            weight="bold" if spot.chosen else "normal",
        )
