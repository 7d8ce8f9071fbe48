"""Draw lines over ordered places: the layers of a network, or the epochs of a fine-tuning."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acrank.report.plotting import (
    INK,
    LINE,
    QUIET,
    fitted,
    label_numbers,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Names of so many places stand below the axis at most; then every second one, and so on.
NAMES = 56
# Letters of a name below the axis, and of all that stand on one level.
_LONGEST, _LEVEL = 32, 80
_SMALL = 9.5
# CSS pixels of an entry of a legend.
_ENTRY = 210


@dataclass(frozen=True)
class Line:
    """One line of a panel, broken where there is no value.

    Attributes:
        name: in the legend; empty for none.
        values: one for each place; NaN where there is none.
        colour: one of the palette.
        dashed: whether it is.
        hollow: whether it has large hollow dots, which another line's dots are seen in.
    """

    name: str
    values: tuple[float, ...]
    colour: str
    dashed: bool = False
    hollow: bool = False


@dataclass(frozen=True)
class Feet:
    """Marks at the bottom of a panel.

    Attributes:
        name: in the legend; empty for none.
        places: where.
        shape: as matplotlib names it.
        sizes: areas, one for each; or one for all.
        colour: one of the palette.
    """

    name: str
    places: tuple[float, ...]
    shape: str
    sizes: tuple[float, ...] = (25.0,)
    colour: str = QUIET


@dataclass(frozen=True)
class Spans:
    """Places that are shaded over the whole height of a panel."""

    name: str
    places: tuple[float, ...]
    hatched: bool = False


@dataclass(frozen=True)
class Panel:
    """Lines that share a vertical axis.

    Attributes:
        lines: drawn in this order.
        up: name of the axis; empty for none.
        feet: marks below the lines.
        spans: what is shaded.
        log: whether the scale is logarithmic; what is not above 0 has no place then.
        low: the scale's lowest value; None to go by the lines.
        high: its highest.
        stop: a place with a line from top to bottom, and its name in the legend.
    """

    lines: tuple[Line, ...]
    up: str = ""
    feet: tuple[Feet, ...] = ()
    spans: tuple[Spans, ...] = ()
    log: bool = False
    low: float | None = None
    high: float | None = None
    stop: tuple[float, str] | None = None


@dataclass(frozen=True)
class Lines:
    """The data of a figure with panels below each other, over the same places.

    Attributes:
        places: in order.
        panels: from the top.
        size: in CSS pixels.
        description: what is to be seen.
        title: in the figure itself; empty for none.
        across: name of the axis below.
        names: of the places; empty for their numbers.
    """

    places: tuple[float, ...]
    panels: tuple[Panel, ...]
    size: tuple[float, float]
    description: str = ""
    title: str = ""
    across: str = ""
    names: tuple[str, ...] = ()

    def draw(self) -> Figure:
        """Draw the figure."""
        figure = new_figure(*self.size)
        with styled():
            if any(panel.up for panel in self.panels):
                figure.set_layout_engine("constrained")
                grid = figure.subplots(len(self.panels), 1, sharex=True, squeeze=False)
                rows = list(grid[:, 0])
            else:  # many small ones, which are to be alike
                rows = [figure.add_axes((0.13, 0.16, 0.84, 0.8))]
            if self.title:
                figure.suptitle(self.title, x=0.01, ha="left", fontsize=12)
            for axes, panel in zip(rows, self.panels, strict=True):
                self._draw(axes, panel)
            self._name_places(rows[-1])
            figure.align_ylabels()
        return figure

    def _draw(self, axes: Axes, panel: Panel) -> None:
        for line in panel.lines:
            self._draw_line(axes, line, panel)
        if any(map(math.isfinite, _values(panel))):
            axes.set_yscale("log" if panel.log else "linear")
        else:
            axes.set_yticks([])
            axes.text(0.5, 0.5, "undefined", transform=axes.transAxes, ha="center", color=QUIET)
        axes.set_ylim(panel.low, panel.high)
        for feet in panel.feet:
            if feet.places:
                _draw_feet(axes, feet)
        for spans in panel.spans:
            _shade(axes, spans)
        if panel.stop:
            axes.axvline(panel.stop[0], color=INK, linestyle=":", label=panel.stop[1])
        axes.set_xlim(self.places[0] - 0.5, self.places[-1] + 0.5)
        axes.set_ylabel(panel.up)
        axes.grid(visible=not self.names, axis="x")
        if axes.get_yticks().size:
            label_numbers(axes.yaxis, 8 if panel.up else 4)
        if axes.get_legend_handles_labels()[0]:
            columns = max(1, int(self.size[0] // _ENTRY))
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, fontsize=10)

    def _draw_line(self, axes: Axes, line: Line, panel: Panel) -> None:
        shown = [math.nan if panel.log and not value > 0 else value for value in line.values]
        if all(map(math.isnan, shown)):
            return
        size = 9.0 if line.hollow else 4.0 if panel.up else 3.0
        axes.plot(
            self.places,
            shown,
            color=line.colour,
            linestyle="--" if line.dashed else "-",
            marker="" if line.dashed else "o",
            markersize=size if len(self.places) <= NAMES else size / 2,
            markerfacecolor="none" if line.hollow else line.colour,
            label=line.name or None,
            zorder=3,
        )

    def _name_places(self, axes: Axes) -> None:
        axes.set_xlabel(self.across)
        if not self.names:
            label_numbers(axes.xaxis, whole=True)
            return
        every = math.ceil(len(self.places) / NAMES)
        names = [fitted(name, _LONGEST) for name in self.names[::every]]
        turned = len(names) * max(map(len, names)) >= _LEVEL
        axes.set_xticks(self.places[::every], names, color=INK, fontsize=_SMALL)
        axes.tick_params("x", rotation=90 if turned else 0)


def _values(panel: Panel) -> Iterable[float]:
    return (value for line in panel.lines for value in line.values if value > 0 or not panel.log)


def _draw_feet(axes: Axes, feet: Feet) -> None:
    axes.scatter(
        feet.places,
        [0.05] * len(feet.places),
        list(feet.sizes) if len(feet.sizes) > 1 else feet.sizes[0],
        marker=feet.shape,
        color=feet.colour,
        transform=axes.get_xaxis_transform(),
        label=feet.name or None,
        zorder=4,
    )


def _shade(axes: Axes, spans: Spans) -> None:
    for number, place in enumerate(spans.places):
        axes.axvspan(
            place - 0.5,
            place + 0.5,
            facecolor=LINE,
            edgecolor=QUIET if spans.hatched else "none",
            hatch="//" if spans.hatched else None,
            linewidth=0,
            alpha=0.7,
            zorder=1,
            label=None if number else spans.name,
        )
