"""The ranked table on a terminal; whole and plain where stdout is not one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from acrank.metrics import METRICS
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
    """A console for stdout or stderr: no colour and no truncation unless it is a terminal."""
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console = Console(stderr=stderr, highlight=False, width=PLAIN_WIDTH, color_system=None)
    return console


def print_ranking(ranking: Ranking, console: Console, top: int | None = None) -> None:
    """Print the table, then what a reader must know to read it.

    Args:
        ranking: to show.
        console: from :func:`make_console`.
        top: show only so many rows; the others are counted in a line.
    """
    rows = ranking.rows[:top] if top else ranking.rows
    table, hidden = _fit(rows, ranking.rank_by, console)
    print_table(table, console)
    for line in _notes(ranking, len(ranking.rows) - len(rows), hidden):
        console.print(Text(line), soft_wrap=not console.is_terminal)


def print_table(table: Table, console: Console) -> None:
    """Print a table; off a terminal without the blanks that pad its last column."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    lines = (line.rstrip() for line in capture.get().splitlines())
    console.out("\n".join(lines), highlight=False)


def _columns(rank_by: str) -> list[Column]:
    arrow = "↑" if METRICS[rank_by].higher_is_better else "↓"
    metric_columns = [
        Column(name, lambda row, name=name: _number(row.result.mean(name)), 3)  # type: ignore[misc]
        for name in METRICS
        if name != rank_by
    ]
    return [
        Column("#", lambda row: str(row.rank or "")),
        Column("model", lambda row: row.result.model, left=True),
        Column(f"{rank_by} {arrow}", lambda row: _number(row.score)),
        Column("95 % interval", _interval, 2),
        Column("P(best)", _probability),
        Column("tie", lambda row: str(row.tie_group or ""), 1),
        *metric_columns,
        Column("params M", lambda row: _millions(row.result.params), 4),
        Column("s", lambda row: f"{row.result.seconds:.1f}", 5),
        Column("status", _status, left=True),
    ]


def _fit(rows: tuple[RankedModel, ...], rank_by: str, console: Console) -> tuple[Table, list[str]]:
    """The table with as many columns as the terminal holds, and the names of the others.

    Long reasons are wrapped before any column goes.
    """
    columns = shown = _columns(rank_by)
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
            column.heading,
            justify="left" if column.left else "right",
            no_wrap=not column.left,
            overflow="fold",
            max_width=wrap if column.left else None,
        )
    for row in rows:
        style = {"failed": "red", "unranked": "dim"}.get(row.result.status)
        if row.tie_group == 1:
            style = "green"
        table.add_row(*(Text(column.cell(row)) for column in columns), style=style)
    return table


def _notes(ranking: Ranking, cut: int, hidden: list[str]) -> list[str]:
    lines = []
    if cut:
        lines.append(f"{cut} more rows not shown (--top).")
    if hidden:
        lines.append(f"Columns hidden for lack of width: {', '.join(hidden)}.")
    if any(row.tie_group is not None for row in ranking.rows):
        steps = ranking.record.get("config", {}).get("steps", 1)
        trials = "batches of the sample" if steps == 1 else "repeated trainings"
        lines.append(
            f"Interval: Student's 95 % over {trials}. tie: models of one group cannot be told "
            "apart from its first (paired t test)."
        )
    if ranking.interrupted:
        lines.append("Interrupted: only the models that had finished are ranked.")
    return lines


def _interval(row: RankedModel) -> str:
    if row.low is None or row.high is None:
        return ""
    return f"{_number(row.low)} … {_number(row.high)}"


def _probability(row: RankedModel) -> str:
    """Two digits; never a certainty, which no number of draws can show."""
    if row.p_best is None:
        return ""
    if row.p_best < 0.005:
        return "<0.01"
    return ">0.99" if row.p_best > 0.995 else f"{row.p_best:.2f}"


def _status(row: RankedModel) -> str:
    flags = [f"{name} ({text})" for name, text in row.result.flags.items()]
    if row.result.reason:
        return f"{row.result.status}: {row.result.reason}"
    return ", ".join([row.result.status, *flags])


def _millions(count: int | None) -> str:
    return "" if count is None else f"{count / 1e6:.2f}"


def _number(value: float | None) -> str:
    """Four significant digits, in plain notation where that is readable."""
    if value is None or value != value:
        return ""
    return f"{value:.4g}" if abs(value) < 1e-3 or abs(value) >= 1e5 else f"{value:#.4g}".rstrip(".")
