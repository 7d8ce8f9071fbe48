"""Read accuracies and scores by dataset and model from sheets of any layout."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from acrank.errors import DataError
from acrank.experiments.validation.layout import (
    SIGNATURE,
    STATIC_NAMES,
    ColumnNames,
    accuracy_column,
    dataset_column,
    model_column,
    tall_columns,
    truth_columns,
    value_columns,
)
from acrank.experiments.validation.sheets import Row, Sheet, listing, read_sheet
from acrank.utils.paths import user_path

# Dataset -> model -> number.
Values = dict[str, dict[str, float]]
# Metric, dataset and model of a number.
Key = tuple[str, str, str]
# The dataset of a table that names none.
UNNAMED = ""


@dataclass
class MetricScores:
    """The scores of one metric.

    Attributes:
        name: as in tables.
        values: dataset -> model -> score; a score that is missing is not there.
        baseline: whether it is a static fact of the models, a list to beat.
        higher_is_better: its direction.
    """

    name: str
    values: Values = field(default_factory=dict)
    baseline: bool = False
    higher_is_better: bool = True


class Gathering:
    """Numbers with the place that each was read from, so that a repeated one is refused."""

    def __init__(self) -> None:
        self.metrics: dict[str, MetricScores] = {}
        self._places: dict[Key, str] = {}

    def add(self, sheet: Sheet, row: Row, column: str, key: Key) -> None:
        """Take one cell.

        Raises:
            DataError: it is no number, names no model, or repeats another cell.
        """
        metric, dataset, model = key
        place = f"{sheet.name}, line {row.line}"
        if not model:
            raise DataError(f"{place}: no name of a model.", hint="Fill it in or remove the row.")
        first = self._places.setdefault(key, place)
        if first != place:
            where = f" on {dataset!r}" if dataset else ""
            raise DataError(
                f"{place}: {metric} of {model!r}{where} is there already ({first}).",
                hint="Keep one row for each model and dataset.",
            )
        value = sheet.number(row, column)
        found = self.metrics.setdefault(metric, MetricScores(metric))
        found.values.setdefault(dataset, {})
        if not math.isnan(value):
            found.values[dataset][model] = value


def read_sheets(path: Path) -> list[Sheet]:
    """The table of a file, or of every CSV and JSON file of a folder, by name.

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


def read_accuracies(sheet: Sheet, names: ColumnNames, notes: list[str]) -> Values:
    """Fine-tuned accuracies of a long or wide table.

    Long: ``model``, ``accuracy`` and optionally ``dataset``. Wide: ``model`` and one column a
    dataset.

    Raises:
        DataError: the table is not of this form; says where.
    """
    gathering = Gathering()
    model, dataset = model_column(sheet, names), dataset_column(sheet, names)
    accuracy = accuracy_column(sheet, names)
    columns = [accuracy] if accuracy else []
    if accuracy is None:
        columns, text = value_columns(sheet, names)
        _tell_ignored(sheet, text, notes)
    for row in sheet.rows:
        for column in columns:
            of = _dataset_cell(sheet, row, dataset) if accuracy else column
            gathering.add(sheet, row, column, ("accuracy", of, row.cells[model]))
    values = gathering.metrics["accuracy"].values if gathering.metrics else {}
    if not any(values.values()):
        raise DataError(f"{sheet.name}: no accuracies in it.", hint="See docs/validate.md.")
    return values


def read_scores(
    sheets: Sequence[Sheet], datasets: Collection[str], names: ColumnNames, notes: list[str]
) -> list[MetricScores]:
    """Scores of all metrics, and the static baselines among their columns.

    Long: ``model``, optionally ``dataset``, and one column a metric, such as the CSV file of
    ``acrank score``; or ``model, dataset, metric, score``. Wide: ``model`` and one column a
    dataset of the accuracies; the metric is ``names.metric`` or the file's stem. A long table
    that names no dataset is of the one its file is called after.

    Args:
        sheets: one or more tables, whose numbers are put together.
        datasets: those of the accuracies.
        names: given by the user.
        notes: where to say what was left out.

    Raises:
        DataError: a table is not of such a form; says where.
    """
    gathering = Gathering()
    for sheet in sheets:
        _read_scores(sheet, datasets, names, notes, gathering, alone=len(sheets) == 1)
    for metric in gathering.metrics.values():
        metric.baseline = metric.name in STATIC_NAMES
    return list(gathering.metrics.values())


def read_baselines(
    sheets: Iterable[Sheet], datasets: Collection[str], names: ColumnNames, notes: list[str]
) -> list[MetricScores]:
    """Static facts of models: ``model`` and one column a baseline; ``dataset`` is optional.

    Raises:
        DataError: as :func:`read_scores`.
    """
    gathering = Gathering()
    for sheet in sheets:
        model, dataset = model_column(sheet, names), dataset_column(sheet, names)
        numeric, text = value_columns(sheet, names)
        _tell_ignored(sheet, text, notes)
        for row in sheet.rows:
            named = _dataset_cell(sheet, row, dataset)
            for column in numeric:
                for of in [named] if named else datasets:
                    gathering.add(sheet, row, column, (column, of, row.cells[model]))
    return [MetricScores(found.name, found.values, True) for found in gathering.metrics.values()]


def _read_scores(
    sheet: Sheet,
    datasets: Collection[str],
    names: ColumnNames,
    notes: list[str],
    gathering: Gathering,
    *,
    alone: bool,
) -> None:
    model, dataset = model_column(sheet, names), dataset_column(sheet, names)
    tall = tall_columns(sheet)
    numeric, text = value_columns(sheet, names, truth_columns(sheet, names))
    wide = dataset is None and not tall and _is_wide(numeric, datasets, names)
    if names.metric is not None and not wide:
        raise DataError(
            f"{sheet.name}: --metric names the numbers of a table with one column a dataset, "
            "but this one has a column of datasets or metrics.",
            hint="Leave --metric out.",
        )
    if not tall:
        _tell_ignored(sheet, text, notes)
    if not numeric:
        raise DataError(
            f"{sheet.name}: no column of scores. Columns found: {listing(sheet.columns)}.",
            hint="One column a metric, or one a dataset; a column of accuracies is no metric.",
        )
    of = None if wide or dataset else _dataset_of_sheet(sheet, datasets, alone)
    for row in _on_the_full_sample(sheet, notes):
        named = of if of is not None else _dataset_cell(sheet, row, dataset)
        who = row.cells[model]
        if tall:
            gathering.add(sheet, row, tall[1], (row.cells[tall[0]], named, who))
        for column in () if tall else numeric:
            key = (names.metric or sheet.stem, column, who) if wide else (column, named, who)
            gathering.add(sheet, row, column, key)


def _on_the_full_sample(sheet: Sheet, notes: list[str]) -> list[Row]:
    """The rows, but for those of models that a budget dropped: theirs are of fewer images."""
    if not set(sheet.columns) >= SIGNATURE:
        return list(sheet.rows)
    rows = [row for row in sheet.rows if row.cells["status"] != "dropped"]
    if len(rows) < len(sheet.rows):
        dropped = len(sheet.rows) - len(rows)
        notes.append(f"{sheet.name}: {dropped} dropped model(s) left out: of fewer images.")
    return rows


def _is_wide(columns: Iterable[str], datasets: Collection[str], names: ColumnNames) -> bool:
    return names.metric is not None or any(column in datasets for column in columns)


def _dataset_of_sheet(sheet: Sheet, datasets: Collection[str], alone: bool) -> str:
    """The dataset of a table that names none: its file's, or the only one there is."""
    if sheet.stem in datasets or not alone:
        return sheet.stem
    if len(datasets) == 1:
        return next(iter(datasets))
    raise DataError(
        f"{sheet.name}: it names no dataset, but there are accuracies on {len(datasets)} of them: "
        f"{listing(datasets)}.",
        hint="Add a column 'dataset', or give a folder with one file a dataset, named after it.",
    )


def _dataset_cell(sheet: Sheet, row: Row, column: str | None) -> str:
    if column is None:
        return UNNAMED
    if not row.cells[column]:
        raise DataError(f"{sheet.place(row, column)}: no name of a dataset.", hint="Fill it in.")
    return row.cells[column]


def _tell_ignored(sheet: Sheet, columns: Sequence[str], notes: list[str]) -> None:
    if columns:
        notes.append(f"{sheet.name}: column(s) without numbers left out: {listing(columns)}.")
