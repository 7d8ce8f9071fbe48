"""Make the figures of an experiment: how well each metric predicts, and the best one's scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from acrank.experiments.benchmark.run import Experiment
from acrank.experiments.benchmark.tables import deviation
from acrank.experiments.validation.agreement import STATISTICS
from acrank.experiments.validation.results import CHANCE, Statistic, Summary, Validation
from acrank.report.builders.experiment_words import mean_ceiling, measure
from acrank.report.builders.ranking_words import number_text
from acrank.report.builders.validation import interval, label, number
from acrank.report.document import Figure, table_of
from acrank.report.figures import Dot, Dots, Limit, Scatter, Spot

# CSS pixels of the figure of a dataset.
SMALL = (280.0, 220.0)


def tau_plot(done: Experiment, found: Validation) -> Figure | None:
    """Plot every metric that has a weighted tau, best on top; return None where there is none.

    The numbers are those of :func:`acrank.report.builders.validation.means_table`.
    """
    rows = [row for row in found.summaries if row.kind != "chance" and row.datasets]
    if not rows:
        return None
    ceiling = mean_ceiling(done)
    chance = found.summary(CHANCE)
    first = "; ".join(f"{row.metric} {number(_main(row).value, 2)}" for row in rows[:3])
    told = f"{len(rows)} metrics as dots with intervals, best on top: {first}."
    told += f" Random lists: {interval(chance)}." if interval(chance) else ""
    told += "" if math.isnan(ceiling) else f" Ceiling: {number(ceiling, 2)}."
    limits = (
        Limit(CHANCE, _main(chance).low, _main(chance).high),
        Limit(f"ceiling {number(ceiling, 2)}", ceiling, ceiling),
    )
    drawing = Dots(
        tuple(map(_dot, rows)),
        "mean weighted tau (higher is better)",
        told,
        tuple(each for each in limits if math.isfinite(each.low + each.high)),
    )
    return Figure("Mean weighted tau of every metric", drawing, note=_note(found, ceiling))


def _dot(row: Summary) -> Dot:
    found = _main(row)
    tau = number(found.value, 2)
    return Dot(label(row), found.value, found.low, found.high, tau, square=row.kind == "baseline")


def _main(found: Summary) -> Statistic:
    return found.statistics[STATISTICS[0]]


def _note(found: Validation, ceiling: float) -> str:
    over = "datasets and models" if len(found.datasets) > 1 else "models"
    undefined = [row.metric for row in found.summaries if not row.datasets]
    parts = [
        f"Means over {len(found.datasets)} dataset(s). Line: 95 % interval, bootstrap over {over}.",
        "Band: 95 % of random lists.",
    ]
    if not math.isnan(ceiling):
        parts.append("Dashed: the mean ceiling, how well two seeds agree.")
    if any(row.kind == "baseline" for row in found.summaries):
        parts.append("Square, *: the models sorted by a fact that needs no target.")
    if undefined:
        parts.append(f"Undefined, so not drawn: {', '.join(undefined)}.")
    return " ".join(parts)


@dataclass(frozen=True)
class Judged:
    """A model's score and accuracy on a dataset.

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


def scatter_plots(done: Experiment, found: Validation, metric: Summary) -> list[Figure]:
    """Plot a metric's scores against the accuracies, for each dataset that has both."""
    taus = {
        row.dataset: row.statistics[STATISTICS[0]].value
        for row in found.comparisons
        if row.metric == metric.metric
    }
    judged = (
        (dataset.name, _judged(done, dataset.name, metric.metric)) for dataset in done.datasets
    )
    return [
        _scatter_plot(name, models, metric, measure(done), taus.get(name, math.nan))
        for name, models in judged
        if models
    ]


def _judged(done: Experiment, dataset: str, metric: str) -> list[Judged]:
    """Return the models that have both, best accuracy first."""
    models = []
    for row in done.rankings[dataset].rows:
        score, model = row.result.value(metric), row.result.model
        values = done.by_seed.get((dataset, model))
        if values and math.isfinite(score):
            accuracy = done.accuracies[dataset, model]
            models.append(Judged(model, score, accuracy, deviation(values)))
    return sorted(models, key=lambda each: (-each.accuracy, each.model))


def _scatter_plot(
    dataset: str, models: Sequence[Judged], metric: Summary, quality: str, tau: float
) -> Figure:
    name, turned = metric.metric, not metric.higher_is_better
    best = models[0]
    picked = (min if turned else max)(models, key=lambda each: each.score)
    drawing = Scatter(
        tuple(
            Spot(m.score, m.accuracy, chosen=m is picked, spread=m.spread or 0.0) for m in models
        ),
        name + (" (lower is better, right)" if turned else ""),
        quality,
        f"{name} against {quality}; {len(models)} models; the score's first, {picked.model}, has "
        f"{quality} {picked.accuracy:.3f}, the best, {best.model}, {best.accuracy:.3f}.",
        falls_across=turned,
        size=SMALL,
    )
    note = f"{len(models)} models" if math.isnan(tau) else f"Weighted tau {number(tau, 2)}"
    note += f". First by the score: {picked.model}; by the {quality}: {best.model}."
    numbers = table_of(
        f"Models on {dataset}",
        ("model", name, quality, "deviation"),
        (
            (
                m.model,
                number_text(m.score),
                f"{m.accuracy:.4f}",
                number(math.nan if m.spread is None else m.spread, 4),
            )
            for m in models
        ),
    )
    return Figure(dataset, drawing, numbers, note)
