"""A validation on a terminal: means first, then datasets, then published taus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from acrank.experiments.validation.agreement import STATISTICS
from acrank.experiments.validation.results import Comparison, Reproduction, Summary, Validation
from acrank.report.cells import plain
from acrank.report.table import PLAIN_WIDTH, print_table
from acrank.report.validation_records import (
    HEADINGS,
    digits,
    interval,
    label,
    number,
    p_value,
    tau,
)
from acrank.utils.visible import visible

MARKS = {"same": "", "ties": "~", "differs": "≠"}


@dataclass(frozen=True)
class Column:
    """A column of the means: its heading, its cell, and how soon it goes on a narrow terminal."""

    heading: str
    cell: Callable[[Summary], str]
    expendable: int = 0


def print_validation(result: Validation, console: Console, *, detail: bool = False) -> None:
    """Print the means, the weighted taus by dataset, and what a reader must know.

    Args:
        result: to show.
        console: from :func:`acrank.report.table.make_console`.
        detail: show all statistics of each dataset.
    """
    hidden = _print_means(result.summaries, console)
    for line in _explanations(result, hidden):
        console.print(plain(line), soft_wrap=not console.is_terminal)
    if len(result.datasets) > 1 or any(result.datasets):
        _heading("Weighted tau on each dataset, and the 95 % range of random lists", console)
        _print_taus(result, console)
    if detail:
        for dataset in result.datasets:
            _print_dataset(result, dataset, console)
    if result.reproductions:
        _print_published(result, console)


def _print_means(summaries: Sequence[Summary], console: Console) -> list[str]:
    """Print the means; the headings of columns for which there was no room."""
    columns = shown = _columns()
    while True:
        table = _means(summaries, shown)
        wanted = Measurement.get(console, console.options.update(width=PLAIN_WIDTH), table).maximum
        last = max(column.expendable for column in shown)
        if wanted <= console.width or not last:
            print_table(table, console)
            return [column.heading for column in columns if column not in shown]
        shown = [column for column in shown if column.expendable != last]


def _columns() -> list[Column]:
    def statistic(name: str, expendable: int = 0) -> Column:
        return Column(
            HEADINGS[name],
            lambda found: number(found.statistics[name].value, digits(name)),
            expendable,
        )

    return [
        Column("metric", label),
        statistic("weighted_tau"),
        Column("95 % interval", interval),
        statistic("tau_b", 4),
        statistic("pearson", 3),
        statistic("spearman", 5),
        statistic("rel1", 1),
        statistic("rel3", 2),
        statistic("regret", 1),
        Column("over best *", lambda found: number(found.test.difference, 2) if found.test else ""),
        Column("p", lambda found: p_value(found.test.p_holm) if found.test else ""),
    ]


def _means(summaries: Sequence[Summary], columns: Sequence[Column]) -> Table:
    table = _table(*(column.heading for column in columns))
    for found in summaries:
        style = "dim" if found.kind != "metric" else None
        table.add_row(*(plain(column.cell(found)) for column in columns), style=style)
    return table


def _print_taus(result: Validation, console: Console) -> None:
    shown = [found for found in result.summaries if found.kind != "chance"]
    chance = next(found for found in result.summaries if found.kind == "chance")
    rows = []
    for dataset in result.datasets:
        models = max(row.models for row in result.comparisons if row.dataset == dataset)
        cells = [tau(result, dataset, found) for found in (chance, *shown)]
        rows.append([dataset or "all", str(models), *cells])
    _print_blocks(["dataset", "models", "random lists", *map(label, shown)], rows, 3, console)


def _print_dataset(result: Validation, dataset: str, console: Console) -> None:
    _heading(dataset or "All models", console)
    names = {found.metric: label(found) for found in result.summaries}
    headings = [HEADINGS[name] for name in STATISTICS]
    table = _table("metric", "models", headings[0], "95 % interval", *headings[1:])
    for row in result.comparisons:
        if row.dataset == dataset:
            table.add_row(*map(plain, _detail_cells(row, names[row.metric])))
    print_table(table, console)


def _detail_cells(row: Comparison, name: str) -> list[str]:
    first, *rest = (
        number(row.statistics[statistic].value, digits(statistic)) for statistic in STATISTICS
    )
    return [name, str(row.models), first, interval(row), *rest]


def _print_published(result: Validation, console: Console) -> None:
    _heading(
        "Published weighted taus; where its own numbers give another one, that follows", console
    )
    found = {(row.dataset, row.metric): row for row in result.reproductions}
    metrics = list(dict.fromkeys(row.metric for row in result.reproductions))
    rows = [
        [dataset, *(_published_cell(found.get((dataset, metric))) for metric in metrics)]
        for dataset in dict.fromkeys(row.dataset for row in result.reproductions)
    ]
    _print_blocks(["dataset", *metrics], rows, 1, console)
    console.print(plain(_verdicts(result.reproductions)), soft_wrap=not console.is_terminal)


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


def _explanations(result: Validation, hidden: Sequence[str]) -> list[str]:
    lines = []
    if hidden:
        lines.append(f"Columns hidden for lack of width: {', '.join(hidden)}.")
    over = "datasets and models" if len(result.datasets) > 1 else "models"
    lines.append(
        f"Means over {len(result.datasets)} dataset(s). Interval: 95 %, bootstrap over {over}; of "
        "random lists: their range."
    )
    lines.append(
        f"Rel@k: the best {result.truth} among the k top picks, over the best of all; regret: "
        "what the top pick loses, in the same unit."
    )
    if any(found.kind == "baseline" for found in result.summaries):
        lines.append("*: the models sorted by a fact that needs no target, the lists to beat.")
    tests = [found.test for found in result.summaries if found.test]
    if tests:
        lines.append(
            f"over best *: mean weighted tau less that of {tests[0].baseline}, the best baseline; "
            f"p: signed-rank test of it over datasets, corrected for {len(tests)} metric(s) (Holm)."
        )
    return lines


def _print_blocks(
    headings: Sequence[str], rows: Sequence[Sequence[str]], leading: int, console: Console
) -> None:
    """Print a wide table in as many blocks as the terminal needs, each with the leading columns."""
    widths = [
        max(len(visible(cell)) for cell in column) + 2
        for column in zip(headings, *rows, strict=True)
    ]
    room = console.width + 2 - sum(widths[:leading])
    places = list(range(leading, len(headings)))
    while places:
        taken = [places.pop(0)]
        while places and sum(widths[place] for place in [*taken, places[0]]) <= room:
            taken.append(places.pop(0))
        shown = [*range(leading), *taken]
        table = _table(*(headings[place] for place in shown))
        for row in rows:
            table.add_row(*(plain(row[place]) for place in shown))
        print_table(table, console)


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(plain(first), overflow="fold")
    for heading in others:
        table.add_column(plain(heading), justify="right", overflow="fold")
    return table


def _heading(text: str, console: Console) -> None:
    console.print()
    console.print(plain(text, style="bold"), soft_wrap=not console.is_terminal)
