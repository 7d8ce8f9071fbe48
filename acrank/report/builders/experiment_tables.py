"""Make the tables of an experiment: accuracies, weighted taus, and what failed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from acrank.experiments.benchmark.run import Experiment
from acrank.experiments.benchmark.tables import best_rate, deviation
from acrank.experiments.validation.results import Comparison, Summary, Validation
from acrank.report.builders.experiment_words import (
    LOW,
    mean_ceiling,
    measure,
    ordered_models,
    qualities,
)
from acrank.report.builders.ranking_words import MARK
from acrank.report.builders.validation import MAIN, interval, label, number
from acrank.report.document import Cell, Column, Row, Table, table_of
from acrank.results import Ranking

CEILING = "(ceiling)"


def accuracies(done: Experiment) -> Table:
    """Tabulate the mean accuracy of every model on every dataset, to four decimals."""
    names = [dataset.name for dataset in done.datasets]
    rows = [
        [model, *(number(done.accuracies.get((name, model), math.nan), 4) for name in names)]
        for model in ordered_models(done)
    ]
    rows.append([CEILING, *(number(done.ceilings[name], 4) for name in names)])
    return table_of("Accuracies", ["model", *names], rows, leading=1, silent=True)


def accuracy_grid(done: Experiment) -> Table:
    """Tabulate the mean accuracies with a tint that shows the place within a column."""
    models, words = ordered_models(done), qualities(done)
    names = [dataset.name for dataset in done.datasets]
    columns = [_accuracies(done, name, models) for name in names]
    ceilings = [_ceiling(done.ceilings[name], words) for name in names]
    return _grid(
        f"{words[0].upper()}{words[1:]}, mean over the seeds",
        ("model", *names),
        ((model, *cells) for model, *cells in zip(models, *columns, strict=True)),
        [(CEILING, *ceilings)],
    )


def _grid(
    caption: str,
    headings: Sequence[str],
    rows: Iterable[tuple[str | Cell, ...]],
    feet: Iterable[tuple[str | Cell, ...]],
) -> Table:
    first, *others = headings
    columns = (Column(first, words=True), *(Column(n, note=n, turned=True) for n in others))
    lines = (*map(Row, rows), *(Row(cells, foot=True) for cells in feet))
    return Table(caption, columns, lines, leading=1)


def _accuracies(done: Experiment, dataset: str, models: Sequence[str]) -> list[Cell]:
    known = [value for (name, _), value in done.accuracies.items() if name == dataset]
    cells = []
    for model in models:
        values = done.by_seed.get((dataset, model))
        if not values:
            cells.append(Cell(""))
            continue
        mean = done.accuracies[dataset, model]
        span = max(known) - min(known)
        share = (mean - min(known)) / span if span else 1.0
        told = f"± {_spread(values)}, {len(values)} seeds" if len(values) > 1 else "one seed"
        cells.append(Cell(f"{mean:.3f}", share, f"{mean:.4f} {told}"))
    return cells


def _ceiling(value: float, words: str) -> Cell:
    low = value < LOW
    told = f"below {LOW}: these {words} do not tell the models apart" if low else ""
    return Cell(number(value, 2) + (MARK if low else ""), note=told, low=low)


def tau_grid(done: Experiment, found: Validation) -> Table:
    """Tabulate the weighted tau of every metric on every dataset, tinted by its value."""
    rows = {(row.metric, row.dataset): row for row in found.comparisons}
    shown = [row for row in found.summaries if row.kind != "chance"]
    chance = next(row for row in found.summaries if row.kind == "chance")
    limits = [number(done.ceilings.get(name, math.nan), 2) for name in found.datasets]
    lists: list[Summary | Comparison] = [chance]
    lists += [rows[chance.metric, name] for name in found.datasets]
    return _grid(
        "Weighted tau by dataset",
        ("metric", "mean", *found.datasets),
        ((label(row), *_taus(row, rows, found.datasets)) for row in shown),
        [
            (f"{chance.metric} up to", *map(_highest, lists)),
            (CEILING, number(mean_ceiling(done), 2), *limits),
        ],
    )


def _taus(
    found: Summary, rows: dict[tuple[str, str], Comparison], datasets: Sequence[str]
) -> Iterator[Cell]:
    yield _tau(found)
    for name in datasets:
        cell = rows.get((found.metric, name))
        yield Cell("") if cell is None else _tau(cell)


def _tau(found: Summary | Comparison) -> Cell:
    value = found.statistics[MAIN].value
    if math.isnan(value):
        return Cell("")
    told = [
        f"{found.datasets} datasets" if isinstance(found, Summary) else f"{found.models} models"
    ]
    told += [f"95 % interval {interval(found)}"] if interval(found) else []
    return Cell(number(value, 2), max(0.0, value), "; ".join(told))


def _highest(chance: Summary | Comparison) -> Cell:
    """Give the upper limit of random lists, which a score must exceed."""
    return Cell(number(chance.statistics[MAIN].high, 2), note=interval(chance))


def every_tau(found: Validation) -> Table:
    """Tabulate every weighted tau with its interval."""
    names = {row.metric: label(row) for row in found.summaries}
    rows = (
        (
            names[row.metric],
            row.dataset,
            str(row.models),
            number(row.statistics[MAIN].value, 3),
            interval(row),
        )
        for row in found.comparisons
    )
    columns = ("metric", "dataset", "models", "weighted tau", "95 % interval")
    return table_of("Weighted tau by dataset, with intervals", columns, rows, words=("dataset",))


def every_accuracy(done: Experiment) -> Table:
    """Tabulate every accuracy with its deviation over the seeds and its learning rate."""
    rows = []
    for dataset in done.datasets:
        for model in ordered_models(done):
            values = done.by_seed.get((dataset.name, model))
            best = best_rate(done.outcomes, dataset.name, model, done.config)
            if values and best:
                mean, rate = done.accuracies[dataset.name, model], best.job.config.highest_lr
                numbers = (f"{mean:.4f}", _spread(values), str(len(values)), f"{rate:g}")
                rows.append((dataset.name, model, *numbers))
    columns = ("dataset", "model", measure(done), "deviation", "seeds", "learning rate")
    caption = "Mean over the seeds, and their standard deviation"
    return table_of(caption, columns, rows, header=1, words=("dataset",))


def _spread(values: list[float]) -> str:
    """Write the standard deviation over the seeds; empty for a single one."""
    found = deviation(values)
    return "" if found is None else f"{found:.4f}"


def failed(done: Experiment) -> Table | None:
    """Tabulate the fine-tunings without a result; None if all have one."""
    columns = ("model", "dataset", "learning rate", "seed", "why")
    rows = [
        (
            found.job.model,
            found.job.dataset,
            f"{found.job.config.highest_lr:g}",
            str(found.job.seed),
            found.reason,
        )
        for found in done.failed
    ]
    caption = "Fine-tunings that failed"
    return table_of(caption, columns, rows, words=("dataset", "why")) if rows else None


def unscored(done: Experiment) -> Table | None:
    """Tabulate the models that were not scored on the full sample; None if all were."""
    rows = [
        (row.result.model, dataset, f"{row.result.status}: {row.result.reason}")
        for dataset, ranking in done.rankings.items()
        for row in ranking.rows
        if row.result.status in ("failed", "dropped")
    ]
    columns = ("model", "dataset", "why")
    caption = "Models that could not be scored"
    return table_of(caption, columns, rows, words=columns) if rows else None


def undefined(done: Experiment) -> Table | None:
    """Tabulate the undefined scores of scored models; None if there are none."""
    rows = [
        (model, dataset, ", ".join(metrics), why)
        for dataset, ranking in done.rankings.items()
        for model, metrics, why in _undefined(ranking)
    ]
    columns = ("model", "dataset", "scores", "why")
    return table_of("Scores that are undefined", columns, rows, words=columns) if rows else None


def _undefined(ranking: Ranking) -> Iterator[tuple[str, list[str], str]]:
    """Yield a model, scores that it lacks for one reason, and that reason."""
    for row in ranking.rows:
        reasons: dict[str, list[str]] = {}
        for metric in ranking.metrics:
            if metric in row.result.undefined:
                reasons.setdefault(row.result.undefined[metric], []).append(metric)
        for why, metrics in reasons.items():
            yield row.result.model, metrics, why
