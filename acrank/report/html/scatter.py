"""A score against the fine-tuned accuracy: a small figure for each dataset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from acrank.experiments.benchmark.run import Experiment
from acrank.experiments.benchmark.tables import deviation
from acrank.experiments.validation.agreement import STATISTICS
from acrank.experiments.validation.results import Summary, Validation
from acrank.report.experiment_facts import measure
from acrank.report.html.axes import label_numbers, spans_decades
from acrank.report.html.parts import Picture
from acrank.report.plotting import ACCENT, QUIET, new_figure, styled, to_svg
from acrank.report.ranking_text import number_text
from acrank.report.tables import Table, make_table
from acrank.report.validation_records import number

WIDTH, HEIGHT = 280.0, 220.0


@dataclass(frozen=True)
class Point:
    """A model on a dataset.

    Attributes:
        model: its name.
        score: by the metric.
        accuracy: mean over the seeds.
        spread: their standard deviation; None for one seed.
    """

    model: str
    score: float
    accuracy: float
    spread: float | None


@dataclass(frozen=True)
class Axis:
    """What is drawn: names of both axes, and whether a lower score is better."""

    metric: str
    measure: str
    turned: bool


def scatter_plots(done: Experiment, found: Validation, metric: Summary) -> list[Picture]:
    """The metric's scores against the accuracies, on each dataset where it has some."""
    axis = Axis(metric.metric, measure(done), not metric.higher_is_better)
    taus = {
        row.dataset: row.statistics[STATISTICS[0]].value
        for row in found.comparisons
        if row.metric == metric.metric
    }
    pictures = []
    for place, dataset in enumerate(done.datasets):
        points = _points(done, dataset.name, metric.metric)
        if points:
            tau = taus.get(dataset.name, math.nan)
            pictures.append(_picture(place, dataset.name, points, axis, tau))
    return pictures


def _points(done: Experiment, dataset: str, metric: str) -> list[Point]:
    """Models with both, best accuracy first."""
    points = []
    for row in done.rankings[dataset].rows:
        score, model = row.result.value(metric), row.result.model
        values = done.by_seed.get((dataset, model))
        if values and math.isfinite(score):
            accuracy = done.accuracies[dataset, model]
            points.append(Point(model, score, accuracy, deviation(values)))
    return sorted(points, key=lambda point: (-point.accuracy, point.model))


def _picture(place: int, dataset: str, points: list[Point], axis: Axis, tau: float) -> Picture:
    picked = (min if axis.turned else max)(points, key=lambda point: point.score)
    note = f"{len(points)} models" if math.isnan(tau) else f"Weighted tau {number(tau, 2)}"
    note += f". First by the score: {picked.model}; by the {axis.measure}: {points[0].model}."
    svg = _svg(place, dataset, points, axis, picked)
    return Picture(dataset, svg, _table(dataset, points, axis), note)


def _svg(place: int, dataset: str, points: Sequence[Point], axis: Axis, picked: Point) -> str:
    figure = new_figure(WIDTH, HEIGHT)
    with styled():
        axes = figure.add_axes((0.17, 0.22, 0.8, 0.74))
        for point in points:
            if point.spread:
                ends = [point.accuracy - point.spread, point.accuracy + point.spread]
                axes.plot([point.score] * 2, ends, color=QUIET, linewidth=1.2)
        for point in points:
            axes.plot([point.score], [point.accuracy], "o", color=ACCENT, markersize=5)
        axes.plot([picked.score], [picked.accuracy], "D", color=ACCENT, markersize=9)
        axes.margins(0.08)
        if spans_decades([point.score for point in points]):
            axes.set_xscale("log")
        if axis.turned:
            axes.invert_xaxis()
        axes.autoscale_view()
        label_numbers(axes.xaxis, 4)
        label_numbers(axes.yaxis, 4)
        axes.set_xlabel(axis.metric + (" (lower is better, right)" if axis.turned else ""))
        axes.set_ylabel(axis.measure)
    text = f"{len(points)} models; the score's first, {picked.model}, has {axis.measure} "
    text += f"{picked.accuracy:.3f}, the best, {points[0].model}, {points[0].accuracy:.3f}."
    title = f"{axis.metric} against {axis.measure} on {dataset}"
    return to_svg(figure, f"scatter-{place}", title, text)


def _table(dataset: str, points: Sequence[Point], axis: Axis) -> Table:
    return make_table(
        f"Models on {dataset}",
        ("model", axis.metric, axis.measure, "deviation"),
        (
            (
                point.model,
                number_text(point.score),
                f"{point.accuracy:.4f}",
                number(math.nan if point.spread is None else point.spread, 4),
            )
            for point in points
        ),
    )
