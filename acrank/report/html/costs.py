"""The score against what a model costs, and which models nothing beats in both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acrank.metrics.registry import higher_is_better
from acrank.report.html.axes import label_numbers, spans_decades
from acrank.report.html.parts import WIDTH, Picture
from acrank.report.plotting import ACCENT, INK, QUIET, new_figure, styled, to_svg
from acrank.report.ranking_text import (
    better,
    number_text,
    ranked,
    seconds_of,
)
from acrank.report.tables import Table, make_table
from acrank.results import RankedModel, Ranking

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 280.0
# Room that a rank takes beside its mark; one that would cover another is left out.
NUMBER = (19.0, 13.0)
# So many of the front are named below it; the table has all.
NAMED = 8


@dataclass(frozen=True)
class Point:
    """A model in the plane of score and cost; on the front, no other is better in both."""

    rank: int
    model: str
    cost: float
    score: float
    front: bool = False


def cost_plots(ranking: Ranking) -> list[Picture]:
    """Score against parameters and against seconds, as far as they are known."""
    kinds: tuple[tuple[str, str, Callable[[RankedModel], float | None]], ...] = (
        ("parameters", "parameters, millions", _millions),
        ("seconds", "seconds to score", seconds_of),
    )
    pictures = []
    for name, unit, cost in kinds:
        points = pareto(ranking, cost)
        if points:
            pictures.append(_picture(points, ranking.rank_by, name, unit))
    return pictures


def pareto(ranking: Ranking, cost: Callable[[RankedModel], float | None]) -> list[Point]:
    """The ranked models whose cost is known, best first, those of the front marked.

    A model is on the Pareto front unless another is no worse in both and better in one.
    """
    found = [(row, cost(row)) for row in ranked(ranking)]
    points = [
        Point(row.rank or 0, row.result.model, price, row.score or 0.0)
        for row, price in found
        if price is not None
    ]
    sign = 1.0 if higher_is_better(ranking.rank_by) else -1.0
    return [
        Point(p.rank, p.model, p.cost, p.score, not any(_beats(q, p, sign) for q in points))
        for p in points
    ]


def _beats(one: Point, other: Point, sign: float) -> bool:
    ahead = sign * (one.score - other.score), other.cost - one.cost
    return min(ahead) >= 0 and max(ahead) > 0


def _millions(row: RankedModel) -> float | None:
    return None if row.result.params is None else row.result.params / 1e6


def _picture(points: Sequence[Point], by: str, name: str, unit: str) -> Picture:
    front = sorted((point for point in points if point.front), key=lambda point: point.cost)
    names = ", ".join(f"{point.rank} {point.model}" for point in front[:NAMED])
    names += f" and {len(front) - NAMED} more" if len(front) > NAMED else ""
    note = f"Diamonds: the Pareto front; no other model has both a better score and fewer {name}. "
    note += f"From the left: {names}. "
    note += "Numbers are ranks, where there is room."
    title = f"{by} against {name}"
    return Picture(title, _svg(points, front, by, name, unit), _table(points, unit), note)


def _svg(points: Sequence[Point], front: Sequence[Point], by: str, name: str, unit: str) -> str:
    figure = new_figure(WIDTH, HEIGHT)
    with styled():
        axes = figure.add_axes((0.17, 0.17, 0.8, 0.8))
        axes.plot([p.cost for p in front], [p.score for p in front], color=QUIET, linestyle="--")
        for point in reversed(points):
            _draw(axes, point)
        axes.margins(0.09)
        if spans_decades([point.cost for point in points]):
            axes.set_xscale("log")
        if not higher_is_better(by):
            axes.invert_yaxis()
        axes.autoscale_view()  # else the limits are found only when they are drawn
        _number(axes, points)
        label_numbers(axes.xaxis)
        label_numbers(axes.yaxis)
        axes.set_xlabel(f"{unit} (fewer is cheaper)")
        axes.set_ylabel(f"{by} ({better(by)}, up)")
    description = (
        f"{len(points)} models; the Pareto front has {len(front)}: "
        + ", ".join(
            f"{p.model} ({number_text(p.cost)}, {number_text(p.score)})" for p in front[:NAMED]
        )
        + ("." if len(front) <= NAMED else " and others.")
    )
    return to_svg(figure, f"cost-{name}", f"{by} against {name}", description)


def _draw(axes: Axes, point: Point) -> None:
    if point.front:
        axes.plot([point.cost], [point.score], "D", color=ACCENT, markersize=8)
    else:
        axes.plot([point.cost], [point.score], "o", color=QUIET, markersize=6, fillstyle="none")


def _number(axes: Axes, points: Sequence[Point]) -> None:
    """Ranks beside the marks, those of the front first; the axes' limits must stand."""
    taken: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda point: (not point.front, point.rank)):
        x, y = axes.transData.transform((point.cost, point.score))
        if any(abs(x - a) < NUMBER[0] and abs(y - b) < NUMBER[1] for a, b in taken):
            continue
        taken.append((x, y))
        axes.annotate(
            str(point.rank),
            (point.cost, point.score),
            xytext=(7, 5),
            textcoords="offset points",
            color=INK if point.front else QUIET,
            weight="bold" if point.front else "normal",
        )


def _table(points: Sequence[Point], unit: str) -> Table:
    return make_table(
        f"Score and {unit}",
        ("rank", "model", "score", unit, "on the front"),
        (
            (
                str(point.rank),
                point.model,
                number_text(point.score),
                number_text(point.cost),
                "yes" if point.front else "no",
            )
            for point in points
        ),
        header="model",
        text=("on the front",),
    )
