"""Read the bundled tables of published scores and accuracies, and recompute their taus."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml

from acrank.errors import ConfigError
from acrank.experiments.validation.agreement import Array, Convention, weighted_tau
from acrank.experiments.validation.config import Protocol
from acrank.experiments.validation.layout import ColumnNames
from acrank.experiments.validation.results import ACCURACY, Reproduction, TauVerdict
from acrank.experiments.validation.sheets import Sheet, read_sheet
from acrank.experiments.validation.tables import MetricScores, Values, read_scores
from acrank.experiments.validation.truth import Truth, read_truth

FOLDER = Path(__file__).parent / "published"
# Half a unit of the third digit, which the sources print, and a little for binary fractions.
ROUNDING = 0.0005 + 1e-9
# Orders of tied scores that are tried before giving up.
ORDERS = 5040


@dataclass(frozen=True)
class Published:
    """One bundled table.

    Attributes:
        name: name on the command line.
        truth: accuracies, and how they were reached.
        names: torchvision's names of the models; empty where none is published.
        metrics: metrics with published scores, and the static baselines of its models.
        convention: ranking of models in the weighted tau of the source.
        zero_is_missing: True if an accuracy of 0 means a missing one.
        notes: notices on the table, its source first.
    """

    name: str
    truth: Truth
    names: Mapping[str, str]
    metrics: tuple[MetricScores, ...]
    convention: Convention
    zero_is_missing: bool
    notes: tuple[str, ...]

    @property
    def accuracies(self) -> Values:
        """Dataset -> model -> accuracy."""
        return self.truth.values


@dataclass(frozen=True)
class CatalogEntry:
    """The description of one bundled table in ``catalog.yaml``.

    Attributes:
        summary: models, datasets and metrics in one line.
        source: address of the numbers.
        paper: reference.
        licence: licence of the numbers.
        unit: unit of the accuracies.
        tau: ranking of models in the weighted tau of the source.
        truth: how the accuracies were reached.
        accuracies: file of accuracies.
        scores: files of scores; wide tables, of one metric each, by metric.
        baselines: torchvision's names of the models; None without baselines.
        zero_is_missing: True if an accuracy of 0 means a missing one.
        notes: notices on the table.
    """

    summary: str
    source: str
    paper: str
    licence: str
    unit: str
    tau: Convention
    truth: Protocol
    accuracies: str
    scores: Sequence[str] | Mapping[str, str] = ()
    baselines: Mapping[str, str] | None = None
    zero_is_missing: bool = False
    notes: Sequence[str] = ()


@functools.cache
def catalog() -> dict[str, CatalogEntry]:
    """Return the description of each bundled table, by name."""
    text = (FOLDER / "catalog.yaml").read_text(encoding="utf-8")
    return {name: CatalogEntry(**entry) for name, entry in yaml.safe_load(text).items()}


def load_published(name: str) -> Published:
    """Read a bundled table.

    Raises:
        ConfigError: there is none of that name; lists those there are.
    """
    if name not in catalog():
        raise ConfigError(
            f"There is no published table {name!r}.", hint=f"There are: {', '.join(catalog())}."
        )
    entry = catalog()[name]
    truth = read_truth(read_sheet(FOLDER / entry.accuracies), ColumnNames(), [])
    truth = replace(truth, name=ACCURACY, protocol=entry.truth)
    accuracies = truth.values
    metrics = [*_scores(entry, accuracies), *_baselines(entry, accuracies)]
    source = f"{name}: {entry.paper}; {entry.source} ({entry.licence}). Unit: {entry.unit}."
    return Published(
        name,
        truth,
        _names(entry, accuracies),
        tuple(metrics),
        entry.tau,
        entry.zero_is_missing,
        (source, *(f"{name}: {note}" for note in entry.notes)),
    )


def reproductions(table: Published) -> list[Reproduction]:
    """Compare the weighted taus that a table's source prints with those of its own numbers."""
    metrics = {metric.name: metric.values for metric in table.metrics}
    rows = read_sheet(FOLDER / "published_taus.csv").rows
    found = [row.cells for row in rows if row.cells["table"] == table.name]
    return [_reproduce(cells, metrics[cells["metric"]][cells["dataset"]], table) for cells in found]


def _scores(entry: CatalogEntry, accuracies: Values) -> list[MetricScores]:
    files = entry.scores
    if isinstance(files, Mapping):  # one wide table a metric
        sheets = [_renamed(read_sheet(FOLDER / file), name) for name, file in files.items()]
    else:
        sheets = [read_sheet(FOLDER / file) for file in files]
    return read_scores(sheets, accuracies, ColumnNames(), []) if sheets else []


def _renamed(sheet: Sheet, stem: str) -> Sheet:
    return Sheet(sheet.name, stem, sheet.columns, sheet.rows)


def _baselines(entry: CatalogEntry, accuracies: Values) -> list[MetricScores]:
    if entry.baselines is None:
        return []
    sheet = read_sheet(FOLDER / "torchvision_baselines.csv")
    rows = {row.cells["model"]: row for row in sheet.rows}
    names = entry.baselines
    metrics = []
    for column in sheet.columns[1:]:
        values = {
            dataset: {
                model: sheet.number(rows[names.get(model, model)], column) for model in models
            }
            for dataset, models in accuracies.items()
        }
        metrics.append(MetricScores(column, values, baseline=True))
    return metrics


def _names(entry: CatalogEntry, accuracies: Values) -> dict[str, str]:
    """The names of the networks, whose torchvision weights of first training were used."""
    if entry.baselines is None:
        return {}
    models = {model for row in accuracies.values() for model in row}
    return {m: f"torchvision:{entry.baselines.get(m, m)}@IMAGENET1K_V1" for m in sorted(models)}


def _reproduce(cells: dict[str, str], scores: dict[str, float], table: Published) -> Reproduction:
    accuracies = table.accuracies[cells["dataset"]]
    models = sorted(set(scores) & set(accuracies))
    x = np.array([scores[model] for model in models])
    y = np.array([accuracies[model] for model in models])
    recomputed = float(weighted_tau(x, y, table.convention))
    published = float(cells["weighted_tau"])
    verdict: TauVerdict = "differs"
    if abs(published - recomputed) <= ROUNDING:
        verdict = "same"
    elif any(abs(published - tau) <= ROUNDING for tau in _taus_of_ties(x, y, table.convention)):
        verdict = "ties"
    return Reproduction(cells["dataset"], cells["metric"], published, recomputed, verdict)


def _taus_of_ties(scores: Array, accuracies: Array, convention: Convention) -> Iterable[float]:
    """Yield the weighted tau for every order in which rounding may have tied the scores."""
    groups = [np.flatnonzero(scores == value) for value in np.unique(scores)]
    orders = itertools.product(*(_orders(len(group)) for group in groups))
    places = np.concatenate(groups)
    for order in itertools.islice(orders, ORDERS):
        untied = np.empty(len(scores))
        ends = itertools.accumulate(map(len, groups), initial=0)
        untied[places] = [
            start + step for start, steps in zip(ends, order, strict=False) for step in steps
        ]
        yield float(weighted_tau(untied, accuracies, convention))


def _orders(size: int) -> Iterable[Sequence[int]]:
    return itertools.permutations(range(size))
