"""Read tables of scores and accuracies, compare them, and say what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from acrank.errors import ConfigError, DataError
from acrank.experiments.validation.agreement import Convention
from acrank.experiments.validation.catalog import Published, catalog, load_published, reproductions
from acrank.experiments.validation.evaluate import StatisticSettings, evaluate
from acrank.experiments.validation.layout import ColumnNames, TableLayout
from acrank.experiments.validation.matching import (
    name_dataset,
    settle_directions,
    settle_zeros,
    shared_datasets,
    tell_missing,
)
from acrank.experiments.validation.resampling import FEWEST
from acrank.experiments.validation.results import ACCURACY, CHANCE, Validation
from acrank.experiments.validation.sheets import Sheet, from_frame, listing
from acrank.experiments.validation.tables import (
    MetricScores,
    Values,
    read_accuracies,
    read_baselines,
    read_scores,
    read_sheets,
)

if TYPE_CHECKING:
    import pandas as pd

    Source = str | Path | pd.DataFrame


def validate(
    scores: Source | None = None,
    accuracies: Source | None = None,
    *,
    published: str | None = None,
    baselines: Sequence[Source] = (),
    metric: str | None = None,
    lower_is_better: Sequence[str] = (),
    model_column: str | None = None,
    dataset_column: str | None = None,
    accuracy_column: str | None = None,
    zero_is_missing: bool = False,
    tau: Convention = "both",
    draws: int = 1000,
    seed: int = 0,
) -> Validation:
    """Measure how well metrics predict fine-tuned accuracies.

    Args:
        scores: a CSV file, a JSON file of ``acrank score``, a folder of them, or a data frame.
            With accuracies in it, it is enough alone.
        accuracies: a CSV file or data frame, long or wide.
        published: a bundled table, in place of ``accuracies``.
        baselines: tables of static facts of the models, one column each.
        metric: name of the metric in a wide table of scores.
        lower_is_better: metrics whose lowest score is best.
        model_column: column of model names, where it is not ``model``.
        dataset_column: column of dataset names, where it is not ``dataset``.
        accuracy_column: column of accuracies, where it is not ``accuracy``.
        zero_is_missing: take accuracies of exactly 0 for missing.
        tau: ranking of models in the weighted tau: ``both`` or ``accuracy``.
        draws: number of bootstrap samples and of random lists, at least 100.
        seed: seed of the bootstrap and of the random lists.

    Returns:
        The means, rows by dataset, and notes on whatever was left out.

    Raises:
        ConfigError: settings that do not go together.
        DataError: a table that cannot be used, or nothing to compare.
    """
    _check(scores, accuracies, published, tau, draws)
    names = ColumnNames(model_column, dataset_column, accuracy_column, metric)
    notes: list[str] = []
    sheets = _sheets(scores, "scores")
    _check_dataset_column(names.dataset, [*sheets, *_sheets(accuracies, "accuracies")])
    table = load_published(published) if published else None
    truth, called = (
        (table.accuracies, ACCURACY) if table else _accuracies(sheets, accuracies, names, notes)
    )
    metrics = _metrics(sheets, baselines, table, truth, names, notes)
    if table or accuracies is not None:
        notes += [
            f"{sheet.name}: left out, as it holds accuracies: {listing(columns)}."
            for sheet in sheets
            if (columns := TableLayout(sheet, names).truth)
        ]
    truth = name_dataset(truth, metrics)
    zeros_missing = zero_is_missing or (table is not None and table.zero_is_missing)
    truth = settle_zeros(truth, zeros_missing, notes)
    settle_directions(metrics, lower_is_better)
    plain = [found for found in metrics if not found.baseline]
    truth = shared_datasets(truth, plain, notes)
    tell_missing(truth, metrics, notes)
    summaries, rows = evaluate(truth, metrics, StatisticSettings(tau, draws, seed), notes)
    if plain and len(truth) < FEWEST:
        notes.append(
            f"{len(truth)} dataset(s): a signed-rank test needs {FEWEST}, so there are no p-values."
        )
    printed = reproductions(table) if table else []
    head = table.notes if table else ()
    settings = {"published": published, "tau": tau, "draws": draws, "seed": seed}
    return Validation(summaries, rows, tuple(printed), (*head, *notes), settings, called)


def _check(
    scores: Source | None,
    accuracies: Source | None,
    published: str | None,
    tau: str,
    draws: int,
) -> None:
    if published is not None and accuracies is not None:
        raise ConfigError(
            "--published brings its own accuracies.", hint="Leave ACCURACIES out, or --published."
        )
    if scores is None and published is None:
        raise ConfigError(
            "No scores to validate.",
            hint=f"Give SCORES and ACCURACIES, or --published with one of: {', '.join(catalog())}.",
        )
    if tau not in ("both", "accuracy"):
        raise ConfigError(f"tau: {tau!r} is unknown.", hint="Choose both or accuracy.")
    if draws < 100:
        raise ConfigError(f"draws: {draws} is too small for an interval.", hint="Use 100 or more.")


def _check_dataset_column(given: str | None, sheets: Sequence[Sheet]) -> None:
    """Refuse a dataset column that no table has; a single table may do without it."""
    if given is not None and not any(given in sheet.columns for sheet in sheets):
        tables = "; ".join(f"{sheet.name}: {listing(sheet.columns)}" for sheet in sheets)
        raise DataError(
            f"No table has a column {given!r}. Columns found: {tables}.",
            hint="Names are case-sensitive.",
        )


def _sheets(source: Source | None, name: str) -> list[Sheet]:
    if source is None:
        return []
    if isinstance(source, str | Path):
        return read_sheets(Path(source))
    return [from_frame(source, name)]


def _accuracies(
    sheets: Sequence[Sheet], source: Source | None, names: ColumnNames, notes: list[str]
) -> tuple[Values, str]:
    """Read the accuracies and their name."""
    found = _sheets(source, "accuracies") or list(sheets)
    if len(found) > 1:
        raise DataError(
            f"Accuracies come in one table, and there are {len(found)}.",
            hint="Name the file of ACCURACIES after SCORES.",
        )
    layout = TableLayout(found[0], names)
    if source is None and layout.accuracy(guess=False) is None:
        raise DataError(
            f"{found[0].name}: no column of accuracies, and no ACCURACIES were given. "
            f"Columns found: {listing(found[0].columns)}.",
            hint="Name the file of ACCURACIES after SCORES, or --published NAME.",
        )
    return read_accuracies(found[0], names, notes), layout.truth_name


def _metrics(
    sheets: Sequence[Sheet],
    baselines: Iterable[Source],
    table: Published | None,
    truth: Values,
    names: ColumnNames,
    notes: list[str],
) -> list[MetricScores]:
    """Read all metrics and baselines, each name once.

    Raises:
        DataError: two sources give a metric of the same name.
    """
    metrics = read_scores(sheets, truth, names, notes) if sheets else []
    facts = [sheet for source in baselines for sheet in _sheets(source, "baseline")]
    metrics += read_baselines(facts, truth, names, notes)
    own = [found.name for found in metrics]
    metrics += [found for found in (table.metrics if table else ()) if not _hides(found, own)]
    every = [found.name for found in metrics]
    clash = sorted({name for name in every if every.count(name) > 1 or name == CHANCE})
    if clash:
        raise DataError(
            f"More than one table has {listing(clash)}, or the name means something else here.",
            hint="Rename the column.",
        )
    # one fact in two units
    return [found for found in metrics if found.name != "params_m" or "params" not in every]


def _hides(found: MetricScores, own: Sequence[str]) -> bool:
    """Return whether the user's own column replaces a bundled static baseline."""
    return found.baseline and found.name in own
