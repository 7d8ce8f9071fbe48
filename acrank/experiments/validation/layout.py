"""Find the columns of a table that hold models, datasets, accuracies, metrics and baselines."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from acrank.errors import DataError
from acrank.experiments.validation.sheets import Row, Sheet, listing
from acrank.metrics import METRICS
from acrank.results import HEAD, TAIL

MODEL_NAMES = ("model", "source")
DATASET_NAMES = ("dataset",)
# Accuracies by these names are called so in the report; others keep their own name.
PLAIN_ACCURACY = ("accuracy", "finetuned_acc", "acc")
ACCURACY_NAMES = (*PLAIN_ACCURACY, "auc")
# Runs of one model, the deviation over them, and their number.
REPEAT_NAMES = ("seed", "run", "repeat", "replicate")
DEVIATION_NAMES = ("deviation", "sd", "std")
COUNT_NAMES = ("seeds", "runs", "repeats")
# Facts of a model that need no target: lists sorted by them are the baselines to beat.
STATIC_NAMES = ("params_m", "params", "imagenet_top1", "chance")
# Columns of `acrank score --csv` that are neither a model, a metric nor a baseline.
BOOKKEEPING = (HEAD.keys() | TAIL.keys()) - {"model", *STATIC_NAMES}
# A table with these columns was written by `acrank score --csv`.
SIGNATURE = frozenset({"rank", "status", "score", "p_best"})
# The dataset of a table that names none.
UNNAMED = ""


@dataclass(frozen=True)
class ColumnNames:
    """Column names that the user gave; None to look for the usual ones.

    Attributes:
        model: column of model names.
        dataset: column of dataset names.
        accuracy: column of accuracies.
        metric: name of the metric in a wide table of scores.
        repeat: column that tells runs of one model apart.
        deviation: column of standard deviations over seeds.
        group: column of groups of datasets.
        chosen: columns by whose values rows were chosen, and which so say nothing more.
    """

    model: str | None = None
    dataset: str | None = None
    accuracy: str | None = None
    metric: str | None = None
    repeat: str | None = None
    deviation: str | None = None
    group: str | None = None
    chosen: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableLayout:
    """The columns of one table by their meaning.

    Attributes:
        sheet: the table.
        names: column names that the user gave.
    """

    sheet: Sheet
    names: ColumnNames

    @cached_property
    def model(self) -> str:
        """The column of model names.

        Raises:
            DataError: there is none, or several that could be.
        """
        found = self._find(self.names.model, MODEL_NAMES)
        if found is None:
            raise self._lacks("model", "Name the column of model names with --model-column.")
        return found

    @cached_property
    def dataset(self) -> str | None:
        """The column of dataset names; None if the table is of one dataset or is wide."""
        given = self.names.dataset
        if given is not None and given not in self.sheet.columns:
            return None
        return self._find(given, DATASET_NAMES)

    def dataset_of(self, row: Row) -> str:
        """Return the dataset that a row names; ``UNNAMED`` without a column of datasets.

        Raises:
            DataError: the cell is empty.
        """
        if self.dataset is None:
            return UNNAMED
        if not row.cells[self.dataset]:
            place = self.sheet.place(row, self.dataset)
            raise DataError(f"{place} has no dataset name.", hint="Fill it in.")
        return row.cells[self.dataset]

    @cached_property
    def repeat(self) -> str | None:
        """The column that tells runs of one model apart; None if each has one row."""
        return self._find(self.names.repeat, REPEAT_NAMES)

    @cached_property
    def deviation(self) -> str | None:
        """The column of standard deviations over seeds; None without one."""
        return self._find(self.names.deviation, DEVIATION_NAMES)

    @cached_property
    def group(self) -> str | None:
        """The column of groups of datasets; None if none was asked for."""
        return self._find(self.names.group, ())

    @property
    def about_runs(self) -> list[str]:
        """The columns that say something of accuracies, and are no scores."""
        named = {*REPEAT_NAMES, *DEVIATION_NAMES, *COUNT_NAMES}
        given = {self.names.repeat, self.names.deviation, self.names.group, *self.names.chosen}
        return [name for name in self.sheet.columns if name in given or name.lower() in named]

    def datasets_across(self, notes: list[str] | None = None) -> list[str]:
        """Return the columns of a wide table that are datasets.

        Args:
            notes: takes a sentence on columns that are none.
        """
        facts = [name for name in self.sheet.columns if name.lower() in STATIC_NAMES]
        if facts and notes is not None:
            notes.append(f"{self.sheet.name}: no dataset, but facts of models: {listing(facts)}.")
        return self.numeric([*facts, *self.about_runs], notes)

    @property
    def may_be_accuracies(self) -> bool:
        """Tell if the numbers of the only table may be accuracies, a column for each dataset."""
        if self.dataset or self.tall or self.is_score_file or self.names.metric is not None:
            return False
        across = self.datasets_across()
        return len(across) > 1 and not METRICS.keys() & set(across)

    def accuracy(self, *, guess: bool = True) -> str | None:
        """Return the column of accuracies; None for a table with one column a dataset.

        Args:
            guess: take the only column of numbers in a table with a column of datasets.

        Raises:
            DataError: several columns could be it.
        """
        found = self._find(self.names.accuracy, ACCURACY_NAMES)
        if found is not None or not guess or self.dataset is None:
            return found
        numeric = self.numeric(self.about_runs)
        if len(numeric) == 1:
            return numeric[0]
        hint = "Name the column of fine-tuned accuracies with --accuracy-column."
        raise self._lacks("accuracy", hint)

    @property
    def truth_name(self) -> str:
        """The name of the accuracies in reports, which is that of their column."""
        found = self.accuracy()
        return "accuracy" if found is None or found.lower() in PLAIN_ACCURACY else found

    @property
    def truth(self) -> list[str]:
        """The columns of a table of scores that hold accuracies and are no metric."""
        taken = {self.names.accuracy, "accuracy", "finetuned_acc"}
        return [name for name in self.sheet.columns if name in taken or name.lower() in taken]

    @property
    def not_scores(self) -> list[str]:
        """The columns of a table of scores that hold accuracies or tell of them."""
        return [*self.truth, *(self.about_runs if self.truth else ())]

    @property
    def tall(self) -> tuple[str, str] | None:
        """The columns of metric names and of scores where each row is one score, else None."""
        metric = self._find(None, ("metric",))
        score = self._find(None, ("score", "value"))
        return None if metric is None or score is None else (metric, score)

    @property
    def is_score_file(self) -> bool:
        """True for a table that ``acrank score --csv`` wrote."""
        return set(self.sheet.columns) >= SIGNATURE

    def numeric(self, leave: Collection[str] = (), notes: list[str] | None = None) -> list[str]:
        """Return the columns of numbers that have no other meaning.

        Args:
            leave: columns to leave out.
            notes: takes a sentence on the columns that hold no numbers.
        """
        taken = {self.model, self.dataset, *leave, *(BOOKKEEPING if self.is_score_file else ())}
        rest = [column for column in self.sheet.columns if column not in taken]
        found = [c for c in rest if self.sheet.is_numeric(c) and not c.startswith("(unnamed")]
        text = [column for column in rest if column not in found]
        if text and notes is not None:
            name = self.sheet.name
            notes.append(f"{name}: column(s) without numbers left out: {listing(text)}.")
        return found

    def _lacks(self, column: str, hint: str) -> DataError:
        found = listing(self.sheet.columns)
        text = f"{self.sheet.name}: no column {column!r}. Columns found: {found}."
        return DataError(text, hint=hint)

    def _find(self, given: str | None, usual: Sequence[str]) -> str | None:
        if given is not None:
            if given in self.sheet.columns:
                return given
            raise self._lacks(given, "Names are case-sensitive.")
        for name in usual:
            found = [column for column in self.sheet.columns if column.lower() == name]
            if len(found) > 1:
                raise DataError(
                    f"{self.sheet.name}: columns {listing(found)} differ only in case.",
                    hint="Rename one of them.",
                )
            if found:
                return found[0]
        return None
