"""Find the columns of a table that hold models, datasets, accuracies, metrics and baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acrank.errors import DataError
from acrank.experiments.validation.sheets import Sheet, listing

MODEL_NAMES = ("model", "source")
DATASET_NAMES = ("dataset",)
ACCURACY_NAMES = ("accuracy", "finetuned_acc", "acc", "auc")
# Of these, those that say no more than that.
OF_ACCURACY = ("accuracy", "finetuned_acc", "acc")
# Facts of a model that need no target: lists sorted by them are the baselines to beat.
STATIC_NAMES = ("params_m", "params", "imagenet_top1", "chance")
# What `acrank score --csv` writes besides the model, the metrics and the parameters.
BOOKKEEPING = (
    *("rank", "status", "score", "score_low", "score_high", "p_best", "norm_layers"),
    *("norm_channels", "input_size", "license", "revision", "seconds", "reason", "tie_group"),
    *("flags", "norm_kind"),
)
SIGNATURE = frozenset({"rank", "status", "score", "p_best"})


@dataclass(frozen=True)
class ColumnNames:
    """Names that the user gave; None to look for the usual ones.

    Attributes:
        model: column of model names.
        dataset: column of dataset names.
        accuracy: column of accuracies.
        metric: what the numbers of a wide table of scores are.
    """

    model: str | None = None
    dataset: str | None = None
    accuracy: str | None = None
    metric: str | None = None


def model_column(sheet: Sheet, names: ColumnNames) -> str:
    """The column of model names.

    Raises:
        DataError: there is none, or several that could be.
    """
    found = _find(sheet, names.model, MODEL_NAMES)
    if found is not None:
        return found
    raise DataError(
        f"{sheet.name}: no column 'model'. Columns found: {listing(sheet.columns)}.",
        hint="Name the column of model names with --model-column.",
    )


def dataset_column(sheet: Sheet, names: ColumnNames) -> str | None:
    """The column of dataset names, or None, for a table may be of one dataset."""
    return _find(sheet, names.dataset, DATASET_NAMES, required=False)


def accuracy_column(sheet: Sheet, names: ColumnNames, *, guess: bool = True) -> str | None:
    """The column of accuracies, or None for a table with one column a dataset.

    Args:
        sheet: the table.
        names: given by the user.
        guess: take the only column of numbers in a table with a column of datasets.

    Raises:
        DataError: several columns could be it.
    """
    found = _find(sheet, names.accuracy, ACCURACY_NAMES)
    if found is not None or not guess or dataset_column(sheet, names) is None:
        return found
    numeric = value_columns(sheet, names)[0]
    if len(numeric) == 1:
        return numeric[0]
    raise DataError(
        f"{sheet.name}: no column 'accuracy'. Columns found: {listing(sheet.columns)}.",
        hint="Name the column of fine-tuned accuracies with --accuracy-column.",
    )


def truth_name(sheet: Sheet, names: ColumnNames) -> str:
    """Return the name of the accuracies of a table, which is that of their column.

    Args:
        sheet: the table.
        names: given by the user.
    """
    found = accuracy_column(sheet, names)
    return "accuracy" if found is None or found.lower() in OF_ACCURACY else found


def truth_columns(sheet: Sheet, names: ColumnNames) -> list[str]:
    """Columns of a table of scores that hold accuracies and are no metric."""
    taken = {names.accuracy, "accuracy", "finetuned_acc"}
    return [column for column in sheet.columns if column in taken or column.lower() in taken]


def tall_columns(sheet: Sheet) -> tuple[str, str] | None:
    """The columns of metric names and of scores where each row is one score, else None."""
    metric = _find(sheet, None, ("metric",))
    score = _find(sheet, None, ("score", "value"))
    return None if metric is None or score is None else (metric, score)


def value_columns(
    sheet: Sheet, names: ColumnNames, leave: Sequence[str] = ()
) -> tuple[list[str], list[str]]:
    """Columns that hold numbers, and the others that nobody asked for.

    Args:
        sheet: the table.
        names: given by the user.
        leave: columns to leave out of both lists.
    """
    spoken_for = {model_column(sheet, names), dataset_column(sheet, names), *leave}
    if set(sheet.columns) >= SIGNATURE:
        spoken_for.update(BOOKKEEPING)
    rest = [column for column in sheet.columns if column not in spoken_for]
    numeric = [
        column for column in rest if sheet.is_numeric(column) and not column.startswith("(unnamed")
    ]
    return numeric, [column for column in rest if column not in numeric]


def _find(
    sheet: Sheet, given: str | None, usual: Sequence[str], *, required: bool = True
) -> str | None:
    if given is not None:
        if given in sheet.columns:
            return given
        if not required:
            return None
        raise DataError(
            f"{sheet.name}: no column {given!r}. Columns found: {listing(sheet.columns)}.",
            hint="Mind upper and lower case.",
        )
    for name in usual:
        found = [column for column in sheet.columns if column.lower() == name]
        if len(found) > 1:
            raise DataError(
                f"{sheet.name}: columns {listing(found)} differ only in case.",
                hint="Rename one of them.",
            )
        if found:
            return found[0]
    return None
