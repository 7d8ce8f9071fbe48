"""Accuracies and weighted taus by dataset, as tables with tints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from acrank.experiments.benchmark.run import Experiment
from acrank.experiments.validation.agreement import STATISTICS
from acrank.experiments.validation.results import Comparison, Summary, Validation
from acrank.report.experiment import LOW, ordered_models, qualities
from acrank.report.experiment_facts import mean_ceiling, spread
from acrank.report.html.axes import fitted
from acrank.report.ranking_text import MARK
from acrank.report.tables import Table, make_table
from acrank.report.validation_records import interval, label, number

# Letters of a heading that stands upright.
LONGEST = 30
CEILING = "(ceiling)"


@dataclass(frozen=True)
class Tinted:
    """A number in a table.

    Attributes:
        text: the number; empty where there is none.
        share: how deep its tint is, from 0 to 1.
        told: more of it, for those who point at it; tables of text have the same.
        low: whether it says that its column is of little weight.
    """

    text: str = ""
    share: float = 0.0
    told: str = ""
    low: bool = False


@dataclass(frozen=True)
class Grid:
    """Numbers by dataset.

    Attributes:
        caption: says what it is.
        corner: what the rows are.
        columns: headings, each as shown and in full.
        rows: a label and a number for each column.
        feet: rows below them, of another kind.
    """

    caption: str
    corner: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[Tinted, ...]], ...]
    feet: tuple[tuple[str, tuple[Tinted, ...]], ...]


def accuracy_grid(done: Experiment) -> Grid:
    """The mean accuracy of every model on every dataset, tinted within its column."""
    models = ordered_models(done)
    columns = [_accuracies(done, dataset.name, models) for dataset in done.datasets]
    names, words = [dataset.name for dataset in done.datasets], qualities(done)
    return Grid(
        f"{words[0].upper()}{words[1:]}, mean over the seeds",
        "model",
        tuple((fitted(name, LONGEST), name) for name in names),
        tuple(zip(models, zip(*columns, strict=True), strict=True)),
        ((CEILING, tuple(_ceiling(done.ceilings[name], words) for name in names)),),
    )


def _accuracies(done: Experiment, dataset: str, models: Sequence[str]) -> list[Tinted]:
    known = [value for (name, _), value in done.accuracies.items() if name == dataset]
    cells = []
    for model in models:
        values = done.by_seed.get((dataset, model))
        if not values:
            cells.append(Tinted())
            continue
        mean = done.accuracies[dataset, model]
        span = max(known) - min(known)
        share = (mean - min(known)) / span if span else 1.0
        told = f"± {spread(values)}, {len(values)} seeds" if len(values) > 1 else "one seed"
        cells.append(Tinted(f"{mean:.3f}", share, f"{mean:.4f} {told}"))
    return cells


def _ceiling(value: float, words: str) -> Tinted:
    low = value < LOW
    told = f"below {LOW}: these {words} do not tell the models apart" if low else ""
    return Tinted(number(value, 2) + (MARK if low else ""), told=told, low=low)


def tau_grid(done: Experiment, found: Validation) -> Grid:
    """The weighted tau of every metric on every dataset, the deeper the tint the higher."""
    rows = {(row.metric, row.dataset): row for row in found.comparisons}
    shown = [row for row in found.summaries if row.kind != "chance"]
    chance = next(row for row in found.summaries if row.kind == "chance")
    body = ((label(row), _taus(row, rows, found.datasets)) for row in shown)
    limits = [number(done.ceilings.get(name, math.nan), 2) for name in found.datasets]
    lists: list[Summary | Comparison] = [chance]
    lists += [rows[chance.metric, name] for name in found.datasets]
    return Grid(
        "Weighted tau by dataset",
        "metric",
        (("mean", "mean"), *((fitted(name, LONGEST), name) for name in found.datasets)),
        tuple(body),
        (
            (f"{chance.metric} up to", tuple(map(_highest, lists))),
            (CEILING, tuple(map(Tinted, [number(mean_ceiling(done), 2), *limits]))),
        ),
    )


def _taus(
    found: Summary, rows: dict[tuple[str, str], Comparison], datasets: Sequence[str]
) -> tuple[Tinted, ...]:
    cells = (rows.get((found.metric, name)) for name in datasets)
    return _tau(found), *(Tinted() if cell is None else _tau(cell) for cell in cells)


def _tau(found: Summary | Comparison) -> Tinted:
    value = found.statistics[STATISTICS[0]].value
    if math.isnan(value):
        return Tinted()
    told = [
        f"{found.datasets} datasets" if isinstance(found, Summary) else f"{found.models} models"
    ]
    told += [f"95 % interval {interval(found)}"] if interval(found) else []
    return Tinted(number(value, 2), max(0.0, value), "; ".join(told))


def _highest(chance: Summary | Comparison) -> Tinted:
    """What a score must be above."""
    return Tinted(number(chance.statistics[STATISTICS[0]].high, 2), told=interval(chance))


def taus_table(found: Validation) -> Table:
    """Every weighted tau with its interval."""
    names = {row.metric: label(row) for row in found.summaries}
    rows = (
        (
            names[row.metric],
            row.dataset,
            str(row.models),
            number(row.statistics[STATISTICS[0]].value, 3),
            interval(row),
        )
        for row in found.comparisons
    )
    columns = ("metric", "dataset", "models", "weighted tau", "95 % interval")
    return make_table("Weighted tau by dataset, with intervals", columns, rows, text=("dataset",))
