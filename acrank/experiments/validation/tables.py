"""Read accuracies and scores by dataset and model from sheets of any layout."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from acrank.errors import DataError
from acrank.experiments.validation.layout import STATIC_NAMES, ColumnNames, TableLayout
from acrank.experiments.validation.sheets import Row, Sheet, listing, read_sheet
from acrank.utils.paths import user_path

# Dataset -> model -> number.
Values = dict[str, dict[str, float]]


@dataclass
class MetricScores:
    """The scores of one metric.

    Attributes:
        name: name in tables.
        values: dataset -> model -> score; missing scores are left out.
        baseline: True for a static fact of the models, a list to beat.
        higher_is_better: direction of the metric.
    """

    name: str
    values: Values = field(default_factory=dict)
    baseline: bool = False
    higher_is_better: bool = True


class Gathering:
    """Collect the numbers of tables by metric, dataset and model; refuse one that is repeated."""

    def __init__(self) -> None:
        self.metrics: dict[str, MetricScores] = {}
        self._places: dict[tuple[str, str, str], tuple[Sheet, Row]] = {}

    def add(
        self,
        layout: TableLayout,
        row: Row,
        column: str,
        *,
        metric: str,
        dataset: str,
        called: str = "",
    ) -> None:
        """Take the number of one cell.

        Args:
            layout: of its table.
            row: of the cell.
            column: of the cell.
            metric: what its number is of.
            dataset: what it is on.
            called: the metric in messages, where it has another name there.

        Raises:
            DataError: the cell is no number, its row names no model, or it repeats another cell.
        """
        sheet, model = layout.sheet, row.cells[layout.model]
        place = f"{sheet.name}, line {row.line}"
        if not model:
            raise DataError(f"{place} has no model name.", hint="Fill it in or remove the row.")
        first = self._places.setdefault((metric, dataset, model), (sheet, row))
        if first[0] is not sheet or first[1] is not row:
            where = f" on {dataset!r}" if dataset else ""
            there = f"{first[0].name}, line {first[1].line}"
            raise DataError(
                f"{place}: {called or metric} of {model!r}{where} is there already ({there}).",
                hint=_apart(row, first[1], column),
            )
        value = sheet.number(row, column)
        scores = self.metrics.setdefault(metric, MetricScores(metric)).values
        scores.setdefault(dataset, {})
        if not math.isnan(value):
            scores[dataset][model] = value


def read_sheets(path: Path) -> list[Sheet]:
    """Read the table of a file, or of every CSV and JSON file of a folder, by name.

    Raises:
        DataError: a file is no table, or the folder has none.
    """
    path = user_path(path)
    if not path.is_dir():
        return [read_sheet(path)]
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in (".csv", ".json"))
    if not files:
        raise DataError(f"{path}: no CSV or JSON file in this folder.", hint="Give another one.")
    return [read_sheet(file) for file in files]


def read_scores(
    sheets: Sequence[Sheet], datasets: Collection[str], names: ColumnNames, notes: list[str]
) -> list[MetricScores]:
    """Read the scores of all metrics, and the static baselines among their columns.

    Long: ``model``, optionally ``dataset``, and one column a metric, such as the CSV file of
    ``acrank score``; or ``model, dataset, metric, score``. Wide: ``model`` and one column a
    dataset of the accuracies; the metric is ``names.metric`` or the file's stem. A long table
    that names no dataset is of the one its file is called after.

    Args:
        sheets: one or more tables, whose numbers are put together.
        datasets: datasets of the accuracies.
        names: given by the user.
        notes: takes sentences on what was left out.

    Raises:
        DataError: a table is not of such a form; says where.
    """
    gathering = Gathering()
    for sheet in sheets:
        alone = len(sheets) == 1
        _read_scores(TableLayout(sheet, names), datasets, notes, gathering, alone=alone)
    for metric in gathering.metrics.values():
        metric.baseline = metric.name in STATIC_NAMES
    return list(gathering.metrics.values())


def read_baselines(
    sheets: Iterable[Sheet], datasets: Collection[str], names: ColumnNames, notes: list[str]
) -> list[MetricScores]:
    """Read static facts of models: ``model``, one column a baseline, optionally ``dataset``.

    Raises:
        DataError: as :func:`read_scores`.
    """
    gathering = Gathering()
    for layout in (TableLayout(sheet, names) for sheet in sheets):
        columns = layout.numeric(notes=notes)
        for row in layout.sheet.rows:
            named = layout.dataset_of(row)
            for column, dataset in itertools.product(columns, [named] if named else datasets):
                gathering.add(layout, row, column, metric=column, dataset=dataset)
    return [MetricScores(found.name, found.values, True) for found in gathering.metrics.values()]


def _apart(row: Row, first: Row, column: str) -> str:
    """Advise on two rows of one model and dataset, by the columns in which they differ."""
    hint = "Keep one row for each model and dataset"
    differing = [
        name for name, text in row.cells.items() if name != column and first.cells.get(name) != text
    ]
    if not differing:
        return f"{hint}; these two are equal in all else."
    name = differing[0]
    values = f"{first.cells.get(name, '')!r} and {row.cells[name]!r}"
    return (
        f"{hint}. They differ in {name!r} ({values}): for accuracies, choose with --where "
        f"{name}=VALUE, or average with --repeat-column {name}."
    )


def _read_scores(
    layout: TableLayout,
    datasets: Collection[str],
    notes: list[str],
    gathering: Gathering,
    *,
    alone: bool,
) -> None:
    sheet, metric, tall = layout.sheet, layout.names.metric, layout.tall
    numeric = layout.numeric(layout.not_scores, None if tall else notes)
    wide = layout.dataset is None and not tall
    wide = wide and (metric is not None or any(column in datasets for column in numeric))
    if metric is not None and not wide:
        raise DataError(
            f"{sheet.name}: --metric names the numbers of a table with one column per dataset, but "
            "this one has a column of datasets or metrics.",
            hint="Leave --metric out.",
        )
    if not numeric:
        raise DataError(
            f"{sheet.name}: no column of scores. Columns found: {listing(sheet.columns)}.",
            hint="Use one column per metric or one per dataset; a column of accuracies is not a "
            "metric.",
        )
    unnamed = None if wide or layout.dataset else _dataset_of_file(sheet, datasets, alone)
    for row in _on_the_full_sample(layout, notes):
        dataset = layout.dataset_of(row) if unnamed is None else unnamed
        if tall:
            name, score = tall
            gathering.add(layout, row, score, metric=row.cells[name], dataset=dataset)
            continue
        for column in numeric:
            if wide:
                gathering.add(layout, row, column, metric=metric or sheet.stem, dataset=column)
            else:
                gathering.add(layout, row, column, metric=column, dataset=dataset)


def _on_the_full_sample(layout: TableLayout, notes: list[str]) -> list[Row]:
    """Return the rows without models that a budget dropped: their scores are of fewer images."""
    sheet = layout.sheet
    if not layout.is_score_file:
        return list(sheet.rows)
    rows = [row for row in sheet.rows if row.cells["status"] != "dropped"]
    if len(rows) < len(sheet.rows):
        dropped = len(sheet.rows) - len(rows)
        notes.append(
            f"{sheet.name}: {dropped} dropped model(s) left out, as their scores come from fewer "
            "images."
        )
    return rows


def _dataset_of_file(sheet: Sheet, datasets: Collection[str], alone: bool) -> str:
    """Return the dataset of a table that names none: its file's, or the only one there is."""
    if sheet.stem in datasets or not alone:
        return sheet.stem
    if len(datasets) == 1:
        return next(iter(datasets))
    raise DataError(
        f"{sheet.name}: it names no dataset, but there are accuracies on {len(datasets)} of them: "
        f"{listing(datasets)}.",
        hint="Add a column 'dataset', or give a folder with one file per dataset, named after it.",
    )
