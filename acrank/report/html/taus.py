"""How well every metric predicts the accuracies: its mean weighted tau, best on top."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from acrank.experiments.benchmark.run import Experiment
from acrank.experiments.validation.agreement import STATISTICS
from acrank.experiments.validation.results import CHANCE, Estimate, Summary, Validation
from acrank.report.experiment_facts import mean_ceiling
from acrank.report.html.axes import fitted, label_numbers
from acrank.report.html.dots import ROW
from acrank.report.html.parts import WIDTH, Picture
from acrank.report.plotting import ACCENT, INK, LINE, QUIET, SECOND, new_figure, styled, to_svg
from acrank.report.tables import make_table
from acrank.report.validation_records import interval, label, means, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE = "Mean weighted tau of every metric"
# Above the rows, below and beside them; the numbers have a margin that no line crosses.
_HEAD, _FOOT, _SIDE, _NUMBERS = 40.0, 44.0, 8.0, 44.0


def tau_plot(done: Experiment, found: Validation) -> Picture | None:
    """Every metric that has a weighted tau; None where there is none."""
    rows = [row for row in found.summaries if row.kind != "chance" and row.datasets]
    if not rows:
        return None
    ceiling = mean_ceiling(done)
    head, body = means(found)
    table = make_table("The metrics, as drawn", head, body)
    svg = _svg(rows, found.summary(CHANCE), ceiling)
    return Picture(TITLE, svg, table, _note(found, ceiling))


def _svg(rows: Sequence[Summary], chance: Summary, ceiling: float) -> str:
    height = ROW * len(rows) + _FOOT + _HEAD
    figure = new_figure(WIDTH, height)
    with styled():
        width = 1 - (_SIDE + _NUMBERS) / WIDTH
        axes = figure.add_axes((_SIDE / WIDTH, _FOOT / height, width, 1 - _FOOT / height))
        axes.set_ylim(len(rows) - 0.5, -0.5 - _HEAD / ROW)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.06)
        _chance(axes, chance)
        _ceiling(axes, ceiling)
        for place, row in enumerate(rows):
            _draw(axes, place, row)
        label_numbers(axes.xaxis)
        axes.set_xlabel("mean weighted tau (higher is better)")
    return to_svg(figure, "taus", TITLE, _description(rows, chance, ceiling))


def _chance(axes: Axes, chance: Summary) -> None:
    found = _main(chance)
    if math.isfinite(found.low) and math.isfinite(found.high):
        axes.axvspan(found.low, found.high, color=LINE, alpha=0.5, linewidth=0)
        _name(axes, CHANCE, (found.low, -0.75), QUIET, left=False)


def _ceiling(axes: Axes, ceiling: float) -> None:
    if math.isfinite(ceiling):
        axes.axvline(ceiling, color=SECOND, linestyle="--", linewidth=1.5)
        _name(axes, f"ceiling {number(ceiling, 2)}", (ceiling, -1.4), SECOND, left=ceiling > 0)


def _name(axes: Axes, text: str, place: tuple[float, float], colour: str, *, left: bool) -> None:
    """Words above the rows, on one side of a place."""
    axes.annotate(
        text,
        place,
        xytext=(-4 if left else 4, 0),
        textcoords="offset points",
        va="center",
        ha="right" if left else "left",
        color=colour,
    )


def _draw(axes: Axes, place: int, row: Summary) -> None:
    from matplotlib.transforms import blended_transform_factory

    across = blended_transform_factory(axes.transAxes, axes.transData)
    found, level = _main(row), place + 0.2
    if math.isfinite(found.low) and math.isfinite(found.high):
        ends = [found.low, found.high]
        axes.plot(ends, [level] * 2, color=INK, linewidth=2, solid_capstyle="butt")
    shape, colour = ("s", QUIET) if row.kind == "baseline" else ("o", ACCENT)
    axes.plot([found.value], [level], shape, color=colour, markersize=6)
    axes.text(0.01, place - 0.2, fitted(label(row), 38), transform=across, va="center")
    value = number(found.value, 2)
    axes.text(1.11, level, value, transform=across, va="center", ha="right", color=QUIET)


def _main(found: Summary) -> Estimate:
    return found.statistics[STATISTICS[0]]


def _description(rows: Sequence[Summary], chance: Summary, ceiling: float) -> str:
    first = "; ".join(f"{row.metric} {number(_main(row).value, 2)}" for row in rows[:3])
    text = f"{len(rows)} metrics as dots with intervals, best on top: {first}."
    if interval(chance):
        text += f" Random lists: {interval(chance)}."
    return text + ("" if math.isnan(ceiling) else f" Ceiling: {number(ceiling, 2)}.")


def _note(found: Validation, ceiling: float) -> str:
    over = "datasets and models" if len(found.datasets) > 1 else "models"
    text = (
        f"Means over {len(found.datasets)} dataset(s). Line: 95 % interval, bootstrap over {over}."
    )
    text += " Band: 95 % of random lists."
    if not math.isnan(ceiling):
        text += " Dashed: the mean ceiling, how well two seeds agree."
    if any(row.kind == "baseline" for row in found.summaries):
        text += " Square, *: the models sorted by a fact that needs no target."
    undefined = [row.metric for row in found.summaries if not row.datasets]
    return text + (f" Undefined, so not drawn: {', '.join(undefined)}." if undefined else "")
