"""Draw the course of a race: the measure of each arm over the epochs, rung by rung."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acrank.report.plotting import (
    ACCENT,
    INK,
    LINE,
    QUIET,
    SECOND,
    fitted,
    label_numbers,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# CSS pixels of the figure: as wide as a column of a page.
SIZE = (480.0, 340.0)
# Left of the plane, below it, above it for the names of rungs, and right of it for those of arms.
_LEFT, _FOOT, _HEAD, _RIGHT = 58.0, 46.0, 26.0, 170.0
# Letters of a name, and CSS pixels from one name to the next.
_LONGEST, _LEADING = 24, 14.0
_SMALL = 10.5


@dataclass(frozen=True)
class Course:
    """The line of an arm.

    Attributes:
        name: stands at its end; empty for none.
        parts: points of each training, epochs and values; a line joins the points of one.
        chosen: whether it stands out.
        alike: whether it stands out a little.
    """

    name: str
    parts: tuple[tuple[tuple[float, float], ...], ...]
    chosen: bool = False
    alike: bool = False

    @property
    def end(self) -> tuple[float, float]:
        """The last point."""
        return self.parts[-1][-1]


@dataclass(frozen=True)
class Stage:
    """A rung: the epochs from ``start`` to ``end``, and its name."""

    start: float
    end: float
    name: str


@dataclass(frozen=True)
class Courses:
    """The data of a figure of a race.

    Attributes:
        courses: lines, the chosen one first.
        stages: rungs from the left.
        across: name of the axis from left to right.
        up: name of the other one.
        description: what is to be seen.
        size: in CSS pixels.
    """

    courses: tuple[Course, ...]
    stages: tuple[Stage, ...]
    across: str
    up: str
    description: str
    size: tuple[float, float] = SIZE

    def draw(self) -> Figure:
        """Draw the figure."""
        figure = new_figure(*self.size)
        wide, high = self.size
        right = _RIGHT if any(course.name for course in self.courses) else 12.0
        with styled():
            axes = figure.add_axes(
                (
                    _LEFT / wide,
                    _FOOT / high,
                    (wide - _LEFT - right) / wide,
                    (high - _FOOT - _HEAD) / high,
                )
            )
            for course in reversed(self.courses):
                _draw_course(axes, course)
            axes.margins(y=0.06)
            axes.set_xlim(self.stages[0].start, self.stages[-1].end * 1.01)
            axes.autoscale_view(scalex=False)
            for stage in self.stages:
                self._draw_stage(axes, stage)
            axes.grid(visible=False, axis="x")
            label_numbers(axes.xaxis, 6, whole=True)
            label_numbers(axes.yaxis, 6)
            axes.set_xlabel(self.across)
            axes.set_ylabel(self.up)
            _name_ends(axes, [course for course in self.courses if course.name])
        return figure

    def _draw_stage(self, axes: Axes, stage: Stage) -> None:
        if stage is not self.stages[0]:
            axes.axvline(stage.start, color=LINE, linewidth=1.2, zorder=1)
        share = (stage.end - stage.start) / (self.stages[-1].end - self.stages[0].start)
        room = int(share * (self.size[0] - _LEFT - _RIGHT) / 5.6)
        if room < 2:
            return
        name = stage.name if len(stage.name) <= room else stage.name.partition(":")[0]
        name = name if len(name) <= room else name.rpartition(" ")[2]
        axes.annotate(
            name,
            ((stage.start + stage.end) / 2, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            color=QUIET,
            fontsize=_SMALL,
        )


def _draw_course(axes: Axes, course: Course) -> None:
    colour = ACCENT if course.chosen else SECOND if course.alike else QUIET
    for part in course.parts:
        axes.plot(
            [epoch for epoch, _ in part],
            [value for _, value in part],
            color=colour,
            linewidth=2.4 if course.chosen else 1.6 if course.alike else 1.0,
            marker="o",
            markersize=5 if course.chosen else 3 if course.alike else 2.5,
            zorder=4 if course.chosen else 3 if course.alike else 2,
            linestyle="-" if course.chosen or course.alike else (0, (4, 1.5)),
        )


def _name_ends(axes: Axes, courses: Sequence[Course]) -> None:
    """Write the names beside the plane, each at the height of its end as far as there is room."""
    if not courses:
        return
    ordered = sorted(courses, key=lambda course: -course.end[1])
    wanted = [axes.transData.transform(course.end)[1] for course in ordered]
    left, bottom = axes.transAxes.transform((1, 0))
    top = axes.transAxes.transform((1, 1))[1]
    for course, height in zip(ordered, _spread(wanted, bottom, top), strict=True):
        colour = ACCENT if course.chosen else SECOND if course.alike else INK
        axes.annotate(
            fitted(course.name, _LONGEST),
            course.end,
            xycoords="data",
            xytext=(left + 14, height),
            textcoords="figure pixels",
            va="center",
            annotation_clip=False,
            color=colour,
            fontsize=_SMALL,
            weight="bold" if course.chosen else "normal",
            arrowprops={"arrowstyle": "-", "color": LINE, "shrinkA": 1, "shrinkB": 3},
        )


def _spread(wanted: Sequence[float], bottom: float, top: float) -> list[float]:
    """Return heights from the top down that are near the wanted ones, and a line apart.

    Args:
        wanted: heights, the highest first.
        bottom: of the plane.
        top: likewise.
    """
    heights: list[float] = []
    ceiling = math.inf
    for height in wanted:
        heights.append(min(height, ceiling, top))
        ceiling = heights[-1] - _LEADING
    floor = bottom
    for place in reversed(range(len(heights))):
        heights[place] = max(heights[place], floor)
        floor = heights[place] + _LEADING
    return heights
