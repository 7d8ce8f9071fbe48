"""Read tables of scores and accuracies, compare them, and say what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acrank.errors import ConfigError, DataError
from acrank.experiments.validation.catalog import Published, catalog, load_published, reproductions
from acrank.experiments.validation.config import ValidationConfig, make_validation_config
from acrank.experiments.validation.evaluate import StatisticSettings, evaluate
from acrank.experiments.validation.known import read_names, what_names_give
from acrank.experiments.validation.layout import UNNAMED, ColumnNames, TableLayout
from acrank.experiments.validation.likeness import likenesses, without_families
from acrank.experiments.validation.matching import (
    name_dataset,
    settle_directions,
    settle_zeros,
    shared_datasets,
    tell_missing,
)
from acrank.experiments.validation.own import OWN, OWN_GROUPS, own_histories
from acrank.experiments.validation.resampling import FEWEST
from acrank.experiments.validation.results import CHANCE, KnownModel, Validation
from acrank.experiments.validation.sheets import Sheet, from_frame, listing, read_sheet, rows_where
from acrank.experiments.validation.tables import (
    MetricScores,
    Values,
    read_baselines,
    read_scores,
    read_sheets,
)
from acrank.experiments.validation.truth import Truth, read_truth, tell_gaps, with_groups
from acrank.utils.paths import user_path

if TYPE_CHECKING:
    import pandas as pd

    Source = str | Path | pd.DataFrame

# Names of rows that no column may have.
TAKEN = (CHANCE, OWN, OWN_GROUPS)


def validate(
    scores: Source | None = None,
    accuracies: Source | None = None,
    *,
    baselines: Sequence[Source] = (),
    names: Source | None = None,
    **settings: Any,
) -> Validation:
    """Measure how well scores, and what names alone give, predict fine-tuned accuracies.

    Args:
        scores: a CSV file, a JSON file of ``acrank score``, a folder of them, or a data frame.
            With accuracies in it, or as a table of nothing but accuracies, it is enough alone.
        accuracies: a CSV file or data frame, long or wide.
        baselines: tables of static facts of the models, one column each.
        names: table that says which network each model is: ``model``, ``name`` and optionally
            ``family``.
        **settings: fields of :class:`acrank.experiments.validation.config.ValidationConfig`.

    Returns:
        The means, rows by dataset, how alike the lists are, what is left without each family of
        architectures, and notes on whatever was guessed or left out.

    Raises:
        ConfigError: settings that do not go together.
        DataError: a table that cannot be used, or nothing to compare.
        PriorsError: the published numbers that acrank ships cannot be read.
    """
    config = make_validation_config(settings)
    _check(scores, accuracies, config)
    notes: list[str] = []
    tables = _read(scores, accuracies, config, notes)
    truth, metrics = tables.truth, _metrics(tables, baselines, notes)
    values = name_dataset(truth.values, metrics)
    bundled = tables.bundled
    zeros_missing = config.zero_is_missing or (bundled is not None and bundled.zero_is_missing)
    values = settle_zeros(values, zeros_missing, notes)
    settle_directions(metrics, config.lower_is_better)
    plain = [found for found in metrics if not found.baseline]
    values = shared_datasets(values, plain, notes)
    tell_gaps(values, notes)
    known: tuple[KnownModel, ...] = ()
    if config.by_name:
        said = read_names(_only(names, "names"), bundled.names if bundled else {})
        given = what_names_give(values, said, truth.protocol, config, notes)
        known = given.models
        metrics += [found for found in given.metrics if not _has(metrics, found.name)]
    metrics += own_histories(values, truth.groups, notes)
    tell_missing(values, metrics, notes)
    apart = _deviations(truth, values)
    statistics = StatisticSettings(config.tau, config.draws, config.seed)
    summaries, rows = evaluate(values, metrics, statistics, notes, apart)
    if len(values) < FEWEST and any(found.test for found in summaries):
        notes.append(
            f"{len(values)} dataset(s): a signed-rank test needs {FEWEST}, so there are no "
            "p-values."
        )
    families = {row.model: row.family for row in known if row.family is not None}
    order = [found.metric for found in summaries]
    metrics.sort(key=lambda metric: order.index(metric.name))
    return Validation(
        summaries,
        rows,
        tuple(reproductions(bundled) if bundled else ()),
        (*(bundled.notes if bundled else ()), *notes),
        config.told(),
        truth.name,
        truth.protocol,
        apart,
        truth.groups,
        known,
        likenesses(values, metrics),
        without_families(values, metrics, families, config.tau, apart),
    )


@dataclass(frozen=True)
class _Tables:
    """Tables as they were read.

    Attributes:
        truth: the accuracies.
        sheets: tables of scores.
        names: columns of these.
        bundled: the published table that the accuracies are of; None if they are the user's.
    """

    truth: Truth
    sheets: Sequence[Sheet]
    names: ColumnNames
    bundled: Published | None = None


def _read(
    scores: Source | None,
    accuracies: Source | None,
    config: ValidationConfig,
    notes: list[str],
) -> _Tables:
    """Read the accuracies, and find out which tables have scores."""
    names = ColumnNames(
        config.model_column,
        config.dataset_column,
        config.accuracy_column,
        config.metric,
        config.repeat_column,
        config.deviation_column,
        chosen=tuple(condition.partition("=")[0] for condition in config.where),
    )
    sheets = _sheets(scores, "scores")
    _check_dataset_column(names.dataset, [*sheets, *_sheets(accuracies, "accuracies")])
    if config.published:
        table = load_published(config.published)
        truth = with_groups(table.truth, _group_file(config.group, None))
        _tell_left_out(sheets, names, notes)
        return _Tables(truth, sheets, names, table)
    found = _sheets(accuracies, "accuracies") or sheets
    if len(found) > 1:
        raise DataError(
            f"Accuracies come in one table, and there are {len(found)}.",
            hint="Name the file of ACCURACIES after SCORES.",
        )
    sheet = rows_where(found[0], config.where)
    grouped = names
    if config.group in sheet.columns:
        grouped = replace(names, group=config.group)
    if accuracies is None:
        grouped, sheets = _alone(TableLayout(sheet, grouped), notes)
        names = grouped
    else:
        _tell_left_out(sheets, names, notes)
    truth = replace(read_truth(sheet, grouped, notes), protocol=config.truth)
    return _Tables(with_groups(truth, _group_file(config.group, sheet)), sheets, names)


def _alone(layout: TableLayout, notes: list[str]) -> tuple[ColumnNames, list[Sheet]]:
    """Find the accuracies of the only table, and whether it has scores beside them."""
    sheet, names = layout.sheet, layout.names
    column = layout.accuracy(guess=False)
    if column is None:
        if not layout.may_be_accuracies:
            raise DataError(
                f"{sheet.name}: no column of accuracies, and no ACCURACIES were given. "
                f"Columns found: {listing(sheet.columns)}.",
                hint="Name the file of ACCURACIES after SCORES, the column of accuracies with "
                "--accuracy-column, or --published NAME.",
            )
        across = listing(layout.datasets_across())
        notes.append(
            f"{sheet.name}: {across} taken as datasets with accuracies, as no other table "
            "was given."
        )
        return names, []
    names = replace(names, accuracy=column)
    layout = TableLayout(sheet, names)
    return names, [sheet] if layout.tall or layout.numeric(layout.not_scores) else []


def _group_file(group: str | None, sheet: Sheet | None) -> Sheet | None:
    """Read the file of groups; None where they are a column, or there are none."""
    if group is None or (sheet is not None and group in sheet.columns):
        return None
    if not user_path(Path(group)).is_file():
        there = f" Columns of {sheet.name}: {listing(sheet.columns)}." if sheet else ""
        raise DataError(
            f"--group {group!r} is neither a column of the accuracies nor a file.{there}",
            hint="A file has the columns dataset and group.",
        )
    return read_sheet(user_path(Path(group)))


def _tell_left_out(sheets: Sequence[Sheet], names: ColumnNames, notes: list[str]) -> None:
    notes += [
        f"{sheet.name}: left out, as it holds accuracies: {listing(columns)}."
        for sheet in sheets
        if (columns := TableLayout(sheet, names).truth)
    ]


def _deviations(truth: Truth, values: Values) -> dict[str, float]:
    """Take the deviations of the datasets that are compared, under the names that they have."""
    known = truth.deviations
    if UNNAMED in known and len(values) == 1:
        return dict.fromkeys(values, known[UNNAMED])
    return {dataset: known[dataset] for dataset in values if dataset in known}


def _has(metrics: Sequence[MetricScores], name: str) -> bool:
    """Tell if the user's tables say something themselves, be it in another unit."""
    there = {found.name for found in metrics}
    return name in there or (name == "params_m" and "params" in there)


def _check(scores: Source | None, accuracies: Source | None, config: ValidationConfig) -> None:
    if config.published is not None and accuracies is not None:
        raise ConfigError(
            "--published brings its own accuracies.", hint="Leave ACCURACIES out, or --published."
        )
    if config.published is not None and (config.where or config.truth != "unknown"):
        option = "--where" if config.where else "--truth"
        raise ConfigError(
            f"{option} is about your ACCURACIES, and --published brings its own.",
            hint=f"Leave {option} out.",
        )
    if scores is None and accuracies is None and config.published is None:
        raise ConfigError(
            "No scores to validate, and no accuracies.",
            hint="Give ACCURACIES, with or without SCORES before them, or --published with one "
            f"of: {', '.join(catalog())}.",
        )
    given = (config.domain and "--domain") or (config.without and "--without")
    if given and not config.by_name:
        raise ConfigError(f"{given} is about what names give.", hint="Leave out --no-by-name.")


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


def _only(source: Source | None, name: str) -> Sheet | None:
    return next(iter(_sheets(source, name)), None)


def _metrics(tables: _Tables, baselines: Iterable[Source], notes: list[str]) -> list[MetricScores]:
    """Read all metrics and baselines, each name once.

    Raises:
        DataError: two sources give a metric of the same name.
    """
    truth, names, table = tables.truth.values, tables.names, tables.bundled
    metrics = read_scores(tables.sheets, truth, names, notes) if tables.sheets else []
    facts = [sheet for source in baselines for sheet in _sheets(source, "baseline")]
    metrics += read_baselines(facts, truth, names, notes)
    own = [found.name for found in metrics]
    metrics += [found for found in (table.metrics if table else ()) if not _hides(found, own)]
    every = [found.name for found in metrics]
    clash = sorted({name for name in every if every.count(name) > 1 or name in TAKEN})
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
