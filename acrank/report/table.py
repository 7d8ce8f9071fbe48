"""The ranked table on a terminal; whole and plain where stdout is not one."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from acrank.metrics.registry import AC_CORR, CONSENSUS, higher_is_better
from acrank.report.cells import plain
from acrank.report.ranking_text import (
    any_compared,
    guard_notes,
    metric_text,
    millions_text,
    places_text,
    reading_notes,
    score_text,
    status_text,
    uncertainty_texts,
)
from acrank.results import RankedModel, Ranking

# Wide enough that nothing is cut off or wrapped in a file or a pipe.
PLAIN_WIDTH = 1000
# How wide names and reasons stay where the terminal is too narrow for them.
WRAPPED = 32


@dataclass(frozen=True)
class Column:
    """A column: its heading, its cell, and how soon it goes when the terminal is narrow."""

    heading: str
    cell: Callable[[RankedModel], str]
    expendable: int = 0
    left: bool = False


def make_console(*, stderr: bool = False) -> Console:
    """A console for stdout or stderr: no truncation and no bar unless it is a terminal.

    Nor is there colour, unless ``FORCE_COLOR`` asks for it: to rich, that makes a terminal of 80
    columns of a pipe.
    """
    console = Console(stderr=stderr, highlight=False)
    if console.file.isatty():
        return console
    colour: Literal["standard"] | None = "standard" if os.environ.get("FORCE_COLOR") else None
    return Console(
        stderr=stderr,
        highlight=False,
        width=PLAIN_WIDTH,
        force_terminal=False,
        color_system=colour,
    )


def print_ranking(ranking: Ranking, console: Console, top: int | None = None) -> None:
    """Print the table, then what a reader must know to read it.

    Args:
        ranking: to show.
        console: from :func:`make_console`.
        top: show only so many rows; the others are counted in a line.
    """
    rows = ranking.rows[:top] if top else ranking.rows
    table, hidden = _fit(rows, _columns(ranking), console)
    print_table(table, console)
    for line in _notes(ranking, len(ranking.rows) - len(rows), hidden):
        console.print(plain(line), soft_wrap=not console.is_terminal)


def print_rows(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: Collection[str],
    console: Console,
) -> None:
    """Print rows of text under headings.

    Args:
        columns: names; underscores show as spaces.
        rows: a text for each column.
        numeric: columns that are set to the right.
        console: to print on.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        side: Literal["left", "right"] = "right" if column in numeric else "left"
        table.add_column(plain(column.replace("_", " ")), justify=side, overflow="fold")
    for row in rows:
        table.add_row(*map(plain, row))
    print_table(table, console)


def print_table(table: Table, console: Console) -> None:
    """Print a table; off a terminal without the blanks that pad its last column."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    lines = (line.rstrip() for line in capture.get().splitlines())
    console.out("\n".join(lines), highlight=False)


def _columns(ranking: Ranking) -> list[Column]:
    by = ranking.rank_by
    arrow = "↑" if higher_is_better(by) else "↓"
    compared = any_compared(ranking.rows)
    places = [Column("places", places_text, 1)] if by == CONSENSUS else []
    metric_columns = [
        # what was asked for by name goes later than what is always there
        Column(name, lambda row, name=name: metric_text(row, name), 3 if name in AC_CORR else 2)  # type: ignore[misc]
        for name in ranking.metrics
        if name != by
    ]
    return [
        Column("#", lambda row: str(row.rank or "")),
        Column("model", lambda row: row.result.model, left=True),
        Column(f"{by} {arrow}", lambda row: score_text(row, by)),
        Column("95 % interval", lambda row: uncertainty_texts(row, compared)[0], 2),
        Column("P(best)", lambda row: uncertainty_texts(row, compared)[1]),
        Column("tie", lambda row: uncertainty_texts(row, compared)[2], 1),
        *places,
        *metric_columns,
        Column("params M", lambda row: millions_text(row.result.params), 4),
        Column("s", lambda row: f"{row.result.seconds:.1f}", 5),
        Column("status", status_text, left=True),
    ]


def _fit(
    rows: tuple[RankedModel, ...], columns: list[Column], console: Console
) -> tuple[Table, list[str]]:
    """The table with as many columns as the terminal holds, and the names of the others.

    Long reasons are wrapped before any column goes.
    """
    shown = columns
    wrap = None
    while True:
        table = _build(rows, shown, wrap)
        wanted = Measurement.get(console, console.options.update(width=PLAIN_WIDTH), table).maximum
        last = max((column.expendable for column in shown), default=0)
        if wanted <= console.width or not last:
            return table, [column.heading for column in columns if column not in shown]
        if wrap is None:
            wrap = WRAPPED
        else:
            shown = [column for column in shown if column.expendable != last]


def _build(rows: tuple[RankedModel, ...], columns: list[Column], wrap: int | None) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            plain(column.heading),
            justify="left" if column.left else "right",
            no_wrap=not column.left,
            overflow="fold",
            max_width=wrap if column.left else None,
        )
    for row in rows:
        style = {"failed": "red", "unranked": "dim", "dropped": "dim"}.get(row.result.status)
        if row.tie_group == 1:
            style = "green"
        table.add_row(*(plain(column.cell(row)) for column in columns), style=style)
    return table


def _notes(ranking: Ranking, cut: int, hidden: list[str]) -> list[str]:
    lines = []
    if cut:
        lines.append(f"{cut} more rows not shown (--top).")
    if hidden:
        lines.append(f"Columns hidden for lack of width: {', '.join(hidden)}.")
    return [*lines, *reading_notes(ranking), *guard_notes(ranking)]
