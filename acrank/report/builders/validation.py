"""Report how well metrics predict fine-tuned accuracies."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from acrank.experiments.validation.agreement import STATISTICS
from acrank.experiments.validation.catalog import CatalogEntry
from acrank.experiments.validation.config import Protocol
from acrank.experiments.validation.own import OWN, OWN_GROUPS
from acrank.experiments.validation.results import (
    COLUMNS,
    Comparison,
    KnownModel,
    Reproduction,
    Summary,
    Validation,
)
from acrank.report.document import (
    Block,
    Column,
    Document,
    Items,
    Records,
    Report,
    Row,
    Table,
    Text,
    table_of,
    tabulate,
)
from acrank.results import finite_or_none

if TYPE_CHECKING:
    from acrank.priors import History

SCHEMA = 1
MAIN = STATISTICS[0]
HEADINGS = {
    "weighted_tau": "weighted tau",
    "tau_b": "tau-b",
    "pearson": "Pearson",
    "spearman": "Spearman",
    "rel1": "Rel@1",
    "rel3": "Rel@3",
    "regret": "regret",
}
# How accuracies were reached, in words.
PROTOCOLS: dict[Protocol, str] = {
    "end-to-end": "by fine-tuning end to end",
    "probe": "of a probe on frozen features",
    "zero-shot": "zero-shot",
}
# What the static lists are that this table makes itself.
OWN_TEXTS = {
    OWN: f"{OWN} *: the models sorted by their mean standardised place on the other datasets here.",
    OWN_GROUPS: f"{OWN_GROUPS} *: the same without all datasets of the same group.",
}
# How soon the column of a statistic goes where a terminal is too narrow.
_PRIORITIES = {"tau_b": 4, "pearson": 3, "spearman": 5, "rel1": 1, "rel3": 2, "regret": 1}
# What files say of a bundled table.
_ABOUT = ("summary", "paper", "source", "licence", "unit")
MARKS = {"same": "", "ties": "~", "differs": "≠"}


@dataclass(frozen=True)
class CatalogReport(Report):
    """The bundled tables of published scores, to show.

    Attributes:
        entries: descriptions of the tables by name.
    """

    entries: Mapping[str, CatalogEntry]

    def document(self) -> Document:
        """Make a table with a row for each bundled table."""
        rows = (Row((n, e.summary, e.paper.partition(";")[0])) for n, e in self.entries.items())
        columns = tuple(Column(heading, words=True) for heading in ("table", "scores of", "from"))
        caption = "Bundled tables of published scores"
        return Document((Table(caption, columns, tuple(rows), silent=True),))

    def records(self) -> Records:
        """Make CSV rows of the tables with their sources and licences."""
        return Records(("table", *_ABOUT), self._rows())

    def data(self) -> object:
        """Give the same rows."""
        return self._rows()

    def _rows(self) -> list[dict[str, str]]:
        return [
            {"table": name, **{about: getattr(entry, about) for about in _ABOUT}}
            for name, entry in self.entries.items()
        ]


@dataclass(frozen=True)
class ValidationReport(Report):
    """A validation, to show.

    Attributes:
        result: of it.
        detail: whether all statistics of each dataset are shown.
    """

    result: Validation
    detail: bool = False

    def document(self) -> Document:
        """Make the tables of means, datasets and published taus, with their notes."""
        result = self.result
        means, notes, *rest = self.blocks()
        told = Items((truth_line(result),))
        names = names_table(result) if result.models and (self.detail or not result.scored) else ()
        alike = (*families_table(result), *likeness_table(result))
        split = 1 if self._has_datasets else 0
        return Document((means, told, notes, *rest[:split], *alike, *names, *rest[split:]))

    @property
    def _has_datasets(self) -> bool:
        return len(self.result.datasets) > 1 or any(self.result.datasets)

    def blocks(self) -> list[Block]:
        """Make the blocks of means, datasets and published taus to stand in another report."""
        result = self.result
        blocks: list[Block] = [means_table(result), Items(tuple(reading_notes(result)))]
        if self._has_datasets:
            blocks.append(_taus_table(result))
        if self.detail:
            blocks += [_dataset_table(result, dataset) for dataset in result.datasets]
        if result.reproductions:
            blocks += [_published_table(result), Text(_verdicts(result.reproductions))]
        return blocks

    def records(self) -> Records:
        """Make CSV rows of the means, then of each dataset."""
        return Records(COLUMNS, [_clean(row) for row in self.result.rows()])

    def data(self) -> object:
        """Give settings, notes, means with tests, datasets and published taus."""
        result = self.result
        return _clean(
            {
                "schema_version": SCHEMA,
                "settings": result.settings,
                "truth": result.truth,
                "protocol": result.protocol,
                "deviations": dict(result.deviations),
                "groups": dict(result.groups),
                "notes": list(result.notes),
                "interval": "95 %: bootstrap over models; of means, over models and datasets; "
                "of random lists, their range",
                "means": [asdict(found) for found in result.summaries],
                "datasets": [asdict(found) for found in result.comparisons],
                "families": [asdict(found) for found in result.families],
                "likenesses": [asdict(found) for found in result.likenesses],
                "models": [asdict(found) for found in result.models],
                "published": [asdict(found) for found in result.reproductions],
            }
        )


def means_table(result: Validation) -> Table:
    """Tabulate the means over the datasets, a row for each metric."""

    def statistic(name: str) -> tuple[Column, Callable[[Summary], str]]:
        column = Column(HEADINGS[name], priority=_PRIORITIES.get(name, 0))
        return column, lambda found: number(found.statistics[name].value, digits(name))

    return tabulate(
        "Means over the datasets",
        [
            (Column("metric", words=True), label),
            statistic(MAIN),
            (Column("95 % interval"), interval),
            *map(statistic, STATISTICS[1:]),
            (
                Column(over_heading(result)),
                lambda f: number(f.test.difference, 2) if f.test else "",
            ),
            (Column("p"), lambda found: p_value(found.test.p_holm) if found.test else ""),
        ],
        result.summaries,
        tone=lambda found: "" if found.kind == "metric" else "quiet",
        silent=True,
    )


def over_heading(result: Validation) -> str:
    """Head the column of differences: over the best static list, or without scores over its own."""
    tests = [found.test for found in result.summaries if found.test]
    return f"over {tests[0].baseline}" if tests and not result.scored else "over best *"


def truth_line(result: Validation) -> str:
    """Say which truth the lists are compared with."""
    if result.protocol == "unknown":
        return f"Truth: {result.truth}, reached in a way that is not told (--truth)."
    return f"Truth: {result.truth}, {PROTOCOLS[result.protocol]}."


def reading_notes(result: Validation) -> list[str]:
    """Explain the columns of the means, a sentence each."""
    over = "datasets and models" if len(result.datasets) > 1 else "models"
    lines = [
        f"Means over {len(result.datasets)} dataset(s). Interval: 95 %, bootstrap over {over}; of "
        "random lists: their range.",
        f"Rel@k: the best {result.truth} among the k top picks, over the best of all; regret: "
        "what the top pick loses, in the same unit.",
    ]
    if any(found.kind == "baseline" for found in result.summaries):
        lines.append("*: the models sorted by a fact that needs no target, the lists to beat.")
    made = [found.metric for found in result.summaries if found.metric in OWN_TEXTS]
    lines += [OWN_TEXTS[name] for name in sorted(made)]
    if result.deviations:
        values = sorted(result.deviations.values())
        spread = f"{_short(values[0])} … {_short(values[-1])}" if len(values) > 1 else ""
        lines.append(
            "Accuracies that differ by less than the deviation of a run over seeds are tied: "
            f"{spread or _short(values[0])} by dataset."
        )
    tests = [found.test for found in result.summaries if found.test]
    if tests:
        own = not result.scored and tests[0].baseline == OWN
        which = "the list to beat" if own else "the best baseline"
        lines.append(
            f"{over_heading(result)}: mean weighted tau less that of {tests[0].baseline}, {which}; "
            f"p: signed-rank test of it over datasets, corrected for {len(tests)} list(s) (Holm)."
        )
    return lines


def _short(value: float) -> str:
    return f"{value:.2g}"


def _taus_table(result: Validation) -> Table:
    chance = next(found for found in result.summaries if found.kind == "chance")
    shown = [found for found in result.summaries if found.kind != "chance"]
    rows = []
    for dataset in result.datasets:
        models = max(row.models for row in result.comparisons if row.dataset == dataset)
        cells = [tau(result, dataset, found) for found in (chance, *shown)]
        rows.append([dataset or "all", str(models), *cells])
    caption = "Weighted tau on each dataset, and the 95 % range of random lists"
    headings = ["dataset", "models", "random lists", *map(label, shown)]
    return table_of(caption, headings, rows, leading=3)


def families_table(result: Validation) -> tuple[Table, ...]:
    """Tabulate what is left of the mean weighted taus without each family; none without any."""
    if not result.families:
        return ()
    shown = [found for found in result.summaries if found.kind != "chance"]
    whole = [number(found.statistics[MAIN].value, 2) for found in shown]
    count = max(row.models for row in result.comparisons)
    rows = [["none", str(count), *whole]]
    for row in result.families:
        taus = [number(row.taus[found.metric], 2) for found in shown]
        rows.append([row.family, str(row.models), *taus])
    caption = "Mean weighted tau without one family of architectures"
    return (table_of(caption, ["without", "models", *map(label, shown)], rows, leading=2),)


def likeness_table(result: Validation) -> tuple[Table, ...]:
    """Tabulate how alike every two lists are; none for a single one."""
    if not result.likenesses:
        return ()
    shown = [found.metric for found in result.summaries if found.kind != "chance"]
    found = {(row.metric, row.other): row.spearman for row in result.likenesses}
    rows = [
        [one, *(number(found.get((other, one), math.nan), 2) for other in shown[:-1])]
        for one in shown[1:]
    ]
    caption = "How alike the lists are: Spearman's correlation, mean over the datasets"
    return (table_of(caption, ["", *shown[:-1]], rows, leading=1),)


def names_table(result: Validation) -> tuple[Table, ...]:
    """Tabulate what the name of each model gives."""
    renamed = any(row.name not in (None, row.model) for row in result.models)
    columns: list[tuple[Column, Callable[[KnownModel], str]]] = [
        (Column("model", words=True), lambda row: row.model),
        (Column("read as", words=True, priority=4), lambda row: row.name or ""),
        (Column("family", words=True, priority=5), lambda row: row.family or ""),
        (Column("params M", priority=2), lambda row: optional(row.params_m, 1)),
        (Column("ImageNet top-1", priority=2), lambda row: optional(row.imagenet_top1, 1)),
        (Column("history (n)", priority=1), lambda row: history(row.prior.history)),
        (Column("frozen (n)", priority=3), lambda row: history(row.prior.frozen)),
        (Column("prior"), _prior),
        (Column("prior from", words=True), lambda row: row.prior.basis),
    ]
    kept = [pair for pair in columns if pair[0].heading != "read as" or renamed]
    kept = [
        (column, cell)
        for column, cell in kept
        if column.heading in ("model", "prior from") or any(map(cell, result.models))
    ]
    return (tabulate("What the names give, without an image", kept, result.models),)


def history(found: History | None) -> str:
    """Write the mean of a history and its number of datasets; empty without one."""
    return f"{number(found.mean, 2)} ({found.datasets})" if found else ""


def optional(value: float | None, places: int) -> str:
    """Write a number with decimals; empty for None."""
    return "" if value is None else number(value, places)


def _prior(row: KnownModel) -> str:
    if row.prior.mean is None or row.prior.deviation is None:
        return ""
    return f"{number(row.prior.mean, 2)} ± {number(row.prior.deviation, 2)}"


def _dataset_table(result: Validation, dataset: str) -> Table:
    names = {found.metric: label(found) for found in result.summaries}
    rows = [
        _detail_cells(row, names[row.metric])
        for row in result.comparisons
        if row.dataset == dataset
    ]
    first, *rest = (HEADINGS[name] for name in STATISTICS)
    return table_of(
        dataset or "All models", ["metric", "models", first, "95 % interval", *rest], rows
    )


def _detail_cells(row: Comparison, name: str) -> list[str]:
    first, *rest = (
        number(row.statistics[statistic].value, digits(statistic)) for statistic in STATISTICS
    )
    return [name, str(row.models), first, interval(row), *rest]


def _published_table(result: Validation) -> Table:
    found = {(row.dataset, row.metric): row for row in result.reproductions}
    metrics = list(dict.fromkeys(row.metric for row in result.reproductions))
    rows = [
        [dataset, *(_published_cell(found.get((dataset, metric))) for metric in metrics)]
        for dataset in dict.fromkeys(row.dataset for row in result.reproductions)
    ]
    caption = "Published weighted taus; where its own numbers give another one, that follows"
    return table_of(caption, ["dataset", *metrics], rows, leading=1)


def _published_cell(row: Reproduction | None) -> str:
    if row is None:
        return ""
    mark = MARKS[row.verdict]
    return number(row.published, 3) + (f" {mark} {number(row.recomputed, 3)}" if mark else "")


def _verdicts(rows: Sequence[Reproduction]) -> str:
    def count(verdict: str) -> int:
        return sum(row.verdict == verdict for row in rows)

    text = f"{count('same')} of {len(rows)} published taus follow from the published numbers"
    if count("ties"):
        text += f"; {count('ties')} (~) do if scores printed as equal were not"
    if count("differs"):
        text += f"; {count('differs')} (≠) do not"
    return f"{text}."


def label(found: Summary) -> str:
    """Write a metric's name, with * for a static baseline and ↓ if lower is better."""
    return (
        found.metric
        + (" *" if found.kind == "baseline" else "")
        + ("" if found.higher_is_better else " ↓")
    )


def interval(found: Summary | Comparison) -> str:
    """Write the interval of the weighted tau; empty where there is none."""
    estimate = found.statistics[MAIN]
    low, high = number(estimate.low, 2), number(estimate.high, 2)
    return f"{low} … {high}" if low else ""


def tau(result: Validation, dataset: str, found: Summary) -> str:
    """Write the weighted tau of a metric on a dataset, or the range of random lists."""
    for row in result.comparisons:
        if (row.dataset, row.metric) == (dataset, found.metric):
            if found.kind == "chance":
                return interval(row)
            return number(row.statistics[MAIN].value, 2)
    return ""


def number(value: float, places: int) -> str:
    """Write a fixed number of decimals; empty for NaN, and no minus before a zero."""
    if value != value:
        return ""
    text = f"{value:.{places}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def digits(name: str) -> int:
    """Give the number of decimals that a statistic is shown with."""
    return 3 if name in ("rel1", "rel3", "regret") else 2


def p_value(value: float) -> str:
    """Write a p value with two decimals, three for small ones; empty without a test."""
    if value != value:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _clean(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return finite_or_none(value)
