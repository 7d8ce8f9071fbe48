"""Read accuracies with their repeated runs, and refuse what would make them mean something else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from acrank.errors import DataError
from acrank.experiments.validation.config import Protocol
from acrank.experiments.validation.layout import ColumnNames, TableLayout
from acrank.experiments.validation.results import ACCURACY
from acrank.experiments.validation.sheets import Row, Sheet, listing
from acrank.experiments.validation.tables import Gathering, Values

# Fractions that would lie within this factor of the percentages, if they were such, were mixed up.
NEAR = 1.25


@dataclass(frozen=True)
class Truth:
    """The accuracies that scores are to predict.

    Attributes:
        values: dataset -> model -> accuracy, of several runs their mean.
        deviations: dataset -> standard deviation of a single run, pooled over models, in the unit
            of the accuracies; missing where it is not known.
        groups: dataset -> group; empty without groups.
        name: what the accuracies are called.
        protocol: how they were reached.
    """

    values: Values
    deviations: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    name: str = ACCURACY
    protocol: Protocol = "unknown"


def read_truth(sheet: Sheet, names: ColumnNames, notes: list[str]) -> Truth:
    """Read the accuracies of a long or wide table.

    Long: ``model``, ``accuracy`` and optionally ``dataset``, a column of runs and one of
    deviations. Wide: ``model`` and one column a dataset.

    Args:
        sheet: the table.
        names: column names that the user gave.
        notes: takes sentences on what was left out or averaged.

    Raises:
        DataError: the table is not of this form, or mixes fractions and percentages; says where.
    """
    layout, gathering = TableLayout(sheet, names), Gathering()
    accuracy, repeat = layout.accuracy(), layout.repeat
    columns = layout.datasets_across(notes) if accuracy is None else [accuracy]
    for row in sheet.rows:
        run = row.cells[repeat] if repeat else ""
        if repeat and not run:
            raise DataError(f"{sheet.place(row, repeat)} is empty.", hint="Fill it in.")
        for column in columns:
            dataset = column if accuracy is None else layout.dataset_of(row)
            gathering.add(
                layout, row, column, metric=run, dataset=dataset, called=layout.truth_name
            )
    runs = {run: found.values for run, found in gathering.metrics.items()}
    values, spread = _averaged(runs)
    if not any(values.values()):
        raise DataError(f"{sheet.name} has no accuracies.", hint="See docs/validate.md.")
    there = {model for models in values.values() for model in models}
    empty = dict.fromkeys(row.cells[layout.model] for row in sheet.rows)
    lost = [model for model in empty if model not in there]
    if lost:
        notes.append(f"{sheet.name}: {len(lost)} model(s) without any accuracy: {listing(lost)}.")
    for dataset, models in values.items():
        _refuse_two_units(sheet.name, dataset, models)
    _tell_units(values, notes)
    if repeat:
        _tell_runs(runs, repeat, notes)
    deviations = spread or _stated(layout)
    groups = {}
    if layout.group:
        groups = _groups(layout, layout.group)
    return Truth(values, deviations, groups, layout.truth_name)


def with_groups(truth: Truth, sheet: Sheet | None) -> Truth:
    """Group the datasets by a table with the columns ``dataset`` and ``group``.

    Raises:
        DataError: the table has other columns, names a dataset twice, or lacks one.
    """
    if sheet is None:
        return truth
    if not {"dataset", "group"} <= set(sheet.columns):
        raise DataError(
            f"{sheet.name}: no columns 'dataset' and 'group'. Columns found: "
            f"{listing(sheet.columns)}.",
            hint="Write a row for each dataset, with its group.",
        )
    found: dict[str, str] = {}
    for row in sheet.rows:
        dataset, group = row.cells["dataset"], row.cells["group"]
        if not group or found.setdefault(dataset, group) != group:
            raise DataError(
                f"{sheet.name}, line {row.line}: dataset {dataset!r} has no group, or two.",
                hint="Give each dataset one group.",
            )
    missing = [dataset for dataset in truth.values if dataset not in found]
    if missing:
        raise DataError(
            f"{sheet.name}: no group of {listing(missing)}.", hint="Add a row for each dataset."
        )
    return replace(truth, groups={dataset: found[dataset] for dataset in truth.values})


def _averaged(runs: Mapping[str, Values]) -> tuple[Values, dict[str, float]]:
    """Average the runs, and pool their variances over the models of each dataset."""
    found: dict[str, dict[str, list[float]]] = {}
    for values in runs.values():
        for dataset, models in values.items():
            row = found.setdefault(dataset, {})
            for model, value in models.items():
                row.setdefault(model, []).append(value)
    means = {d: {m: float(np.mean(v)) for m, v in models.items()} for d, models in found.items()}
    deviations = {}
    for dataset, listed in found.items():
        repeated = [values for values in listed.values() if len(values) > 1]
        squares = sum(float(np.var(values)) * len(values) for values in repeated)
        freedom = sum(len(values) - 1 for values in repeated)
        if freedom:
            deviations[dataset] = math.sqrt(squares / freedom)
    return means, deviations


def _stated(layout: TableLayout) -> dict[str, float]:
    """Pool the standard deviations of a column over the models of each dataset."""
    column = layout.deviation
    if column is None or layout.accuracy() is None:
        return {}
    found: dict[str, list[float]] = {}
    for row in layout.sheet.rows:
        value = layout.sheet.number(row, column)
        if value < 0:
            raise DataError(
                f"{layout.sheet.place(row, column)}: a standard deviation is not negative.",
                hint="Leave the cell empty where it is not known.",
            )
        if not math.isnan(value):
            found.setdefault(layout.dataset_of(row), []).append(value)
    return {dataset: float(np.sqrt(np.mean(np.square(v)))) for dataset, v in found.items()}


def _groups(layout: TableLayout, column: str) -> dict[str, str]:
    found: dict[str, tuple[str, Row]] = {}
    for row in layout.sheet.rows:
        dataset, group = layout.dataset_of(row), row.cells[column]
        first, _ = found.setdefault(dataset, (group, row))
        if not group or group != first:
            raise DataError(
                f"{layout.sheet.place(row, column)}: dataset {dataset!r} has no group, or two.",
                hint="Give each dataset one group.",
            )
    return {dataset: group for dataset, (group, _) in found.items()}


def _refuse_two_units(name: str, dataset: str, models: Mapping[str, float]) -> None:
    """Refuse fractions among percentages, which would put good models last."""
    values = sorted(models.items(), key=lambda pair: pair[1])
    fractions = [(m, v) for m, v in values if 0 < v <= 1]
    per_cent = [(m, v) for m, v in values if 1 < v <= 100]
    if not fractions or not per_cent or len(fractions) + len(per_cent) < len(values):
        return
    # as percentages they would be among the others
    if per_cent[0][1] / NEAR <= 100 * fractions[-1][1] <= NEAR * per_cent[-1][1]:
        where = f" on {dataset!r}" if dataset else ""
        one, other = fractions[-1], per_cent[0]
        raise DataError(
            f"{name}: accuracies{where} seem to mix fractions ({one[0]}: {one[1]:g}) and "
            f"percentages ({other[0]}: {other[1]:g}).",
            hint="Give all models of a dataset the same unit; if a model really has less than 1 "
            "per cent, write fractions for all.",
        )


def _tell_units(values: Values, notes: list[str]) -> None:
    highest = {dataset: max(models.values()) for dataset, models in values.items() if models}
    small = [dataset for dataset, value in highest.items() if value <= 1]
    large = [dataset for dataset, value in highest.items() if value > 1]
    if small and large:
        notes.append(
            f"Accuracies are at most 1 on {listing(small)} and above on {listing(large)}: ranks "
            "are comparable, but the mean regret has no unit."
        )


def _tell_runs(runs: Mapping[str, Values], column: str, notes: list[str]) -> None:
    pairs = [{(d, m) for d, models in values.items() for m in models} for values in runs.values()]
    total = set().union(*pairs)
    fewer = sorted(pair for pair in total if any(pair not in found for found in pairs))
    text = f"Accuracies are means over {len(runs)} runs ({column}: {listing(runs)})"
    if fewer:
        shown = [f"{model} on {dataset}" if dataset else model for dataset, model in fewer]
        text += f"; {len(fewer)} of {len(total)} are of fewer runs ({listing(shown)})"
    notes.append(f"{text}.")


def tell_gaps(values: Values, notes: list[str]) -> None:
    """Note which models have no accuracy on some datasets."""
    models = sorted({model for row in values.values() for model in row})
    gaps = [f"{m} on {d}" for d, row in values.items() for m in models if m not in row]
    if gaps:
        notes.append(
            f"{len(gaps)} of {len(models) * len(values)} pairs of model and dataset have no "
            f"accuracy ({listing(gaps)}); each dataset compares the models that it has."
        )
