"""The ranking as a dot plot: every score with its interval, best on top, tie groups banded."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from acrank.report.html.axes import fitted, label_numbers
from acrank.report.html.parts import WIDTH, Picture
from acrank.report.plotting import ACCENT, INK, LINE, QUIET, new_figure, styled, to_svg
from acrank.report.ranking_text import (
    any_compared,
    better,
    number_text,
    ranked,
    uncertainty_texts,
)
from acrank.report.tables import Table, make_table
from acrank.results import RankedModel, Ranking

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of a model: its name stands above its dot, so that long names leave room for the dots.
ROW = 32.0
_FOOT = 44.0
_SIDE = 8.0


def dot_plot(ranking: Ranking) -> Picture | None:
    """Every ranked model; None where there is none."""
    rows = ranked(ranking)
    if not rows:
        return None
    title = f"Ranking by {ranking.rank_by}"
    return Picture(title, _svg(rows, ranking.rank_by, title), _table(rows), _note(rows))


def _svg(rows: Sequence[RankedModel], by: str, title: str) -> str:
    height = ROW * len(rows) + _FOOT
    figure = new_figure(WIDTH, height)
    with styled():
        box = (_SIDE / WIDTH, _FOOT / height, 1 - 2 * _SIDE / WIDTH, 1 - _FOOT / height)
        axes = figure.add_axes(box)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.06)
        _bands(axes, rows)
        for place, row in enumerate(rows):
            _draw(axes, place, row)
        label_numbers(axes.xaxis)
        axes.set_xlabel(f"{by} ({better(by)})")
    return to_svg(figure, "ranking", title, _description(rows))


def _bands(axes: Axes, rows: Sequence[RankedModel]) -> None:
    """Every second tie group on a band of its own."""
    groups = groupby(range(len(rows)), key=lambda place: rows[place].tie_group)
    for number, (group, places) in enumerate(groups):
        inside = list(places)
        if group is not None and number % 2 == 0:
            axes.axhspan(inside[0] - 0.5, inside[-1] + 0.5, color=LINE, alpha=0.35, linewidth=0)


def _draw(axes: Axes, place: int, row: RankedModel) -> None:
    from matplotlib.transforms import blended_transform_factory

    across = blended_transform_factory(axes.transAxes, axes.transData)
    level = place + 0.2
    if row.low is not None and row.high is not None:
        axes.plot([row.low, row.high], [level] * 2, color=INK, linewidth=2, solid_capstyle="butt")
    axes.plot([row.score or 0.0], [level], "o", color=ACCENT, markersize=6)
    name = fitted(f"{row.rank} {row.result.model}", 42)
    axes.text(0.01, place - 0.2, name, transform=across, va="center")
    if row.tie_group is not None:
        tie = f"tie {row.tie_group}"
        axes.text(0.99, place - 0.2, tie, transform=across, va="center", ha="right", color=QUIET)


def _description(rows: Sequence[RankedModel]) -> str:
    first = "; ".join(
        f"{row.rank}. {row.result.model} {number_text(row.score)}" for row in rows[:3]
    )
    return f"{len(rows)} ranked models as dots with intervals, best on top: {first}."


def _note(rows: Sequence[RankedModel]) -> str:
    parts = ["Dot: the score."]
    if any(row.low is not None for row in rows):
        parts.append("Line: its 95 % interval, unless that is narrower than the dot.")
    if any(row.tie_group is not None for row in rows):
        parts.append(
            "Models of one tie group, on one band, cannot be told apart from the first of it."
        )
    return " ".join(parts)


def _table(rows: Sequence[RankedModel]) -> Table:
    return make_table(
        "The ranked models, as drawn",
        ("rank", "model", "score", "95 % interval", "P(best)", "tie"),
        (
            (
                str(row.rank),
                row.result.model,
                number_text(row.score),
                *uncertainty_texts(row, any_compared(rows)),
            )
            for row in rows
        ),
        header="model",
    )
