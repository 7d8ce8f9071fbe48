"""The ranked table on a terminal; whole and plain where stdout is not one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from acrank.metrics.guards import GUARDS
from acrank.metrics.registry import AC_CORR, CONSENSUS, METRICS
from acrank.report.cells import plain
from acrank.results import RankedModel, Ranking

# Wide enough that nothing is cut off or wrapped in a file or a pipe.
PLAIN_WIDTH = 1000
# How wide names and reasons stay where the terminal is too narrow for them.
WRAPPED = 32
# Follows a number that a guard speaks against.
MARK = "!"


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
    arrow = "↑" if by == CONSENSUS or METRICS[by].higher_is_better else "↓"
    places = [Column("places", _places, 1)] if by == CONSENSUS else []
    metric_columns = [
        # what was asked for by name goes later than what is always there
        Column(name, lambda row, name=name: _marked(row, name), 3 if name in AC_CORR else 2)  # type: ignore[misc]
        for name in ranking.metrics
        if name != by
    ]
    return [
        Column("#", lambda row: str(row.rank or "")),
        Column("model", lambda row: row.result.model, left=True),
        Column(f"{by} {arrow}", lambda row: _score(row, by)),
        Column("95 % interval", _interval, 2),
        Column("P(best)", _probability),
        Column("tie", lambda row: str(row.tie_group or ""), 1),
        *places,
        *metric_columns,
        Column("params M", lambda row: _millions(row.result.params), 4),
        Column("s", lambda row: f"{row.result.seconds:.1f}", 5),
        Column("status", _status, left=True),
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
    lines += _uncertainty(ranking)
    if any(row.result.status == "dropped" and row.result.scores for row in ranking.rows):
        lines.append("dropped: the numbers are of fewer images than those of ranked models.")
    lines += _guards(ranking)
    if ranking.interrupted:
        lines.append("Interrupted: only the models that had finished are ranked.")
    return lines


def _uncertainty(ranking: Ranking) -> list[str]:
    if all(row.tie_group is None for row in ranking.rows):
        return []
    if ranking.rank_by == CONSENSUS:
        return [
            "Consensus: mean rank by several metrics, from 0 (last by all) to 1 (first by all). "
            "Interval: 95 % of draws of every metric. places: best and worst rank by any of them."
        ]
    if METRICS[ranking.rank_by].kind in ("features", "relative"):
        over = "random parts of the sample"
    else:
        steps = ranking.record.get("config", {}).get("steps", 1)
        over = "batches of the sample" if steps == 1 else "repeated trainings"
    return [
        f"Interval: Student's 95 % over {over}. tie: models of one group cannot be told apart "
        "from its first (paired t test)."
    ]


def _guards(ranking: Ranking) -> list[str]:
    """A line for each guard that fired: what it means, and by which metrics for how many models."""
    fired: dict[str, dict[str, int]] = {}
    for row in ranking.rows:
        for metric in ranking.metrics:
            for guard in row.result.guards.get(metric, {}):
                counts = fired.setdefault(guard, {})
                counts[metric] = counts.get(metric, 0) + 1
    return [
        f"{MARK} {guard}: {GUARDS[guard]} ("
        + ", ".join(f"{metric} of {count}" for metric, count in fired[guard].items())
        + (" models)." if max(fired[guard].values()) > 1 else " model).")
        for guard in GUARDS
        if guard in fired
    ]


def _score(row: RankedModel, by: str) -> str:
    """What the row is ranked by, or, of a dropped model, was compared by on a smaller sample."""
    if row.result.status == "dropped" and by != CONSENSUS:
        return _marked(row, by)
    return _number(row.score) + _mark(row, by)


def _marked(row: RankedModel, metric: str) -> str:
    return _number(row.result.value(metric)) + _mark(row, metric)


def _mark(row: RankedModel, metric: str) -> str:
    """Follows a number that a guard speaks against."""
    return MARK if row.result.guards.get(metric) and metric in row.result.scores else ""


def _places(row: RankedModel) -> str:
    return "" if row.places is None else f"{row.places[0]}-{row.places[1]}"


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
    if abs(value) >= 1e5 and value == int(value):
        return f"{value:.0f}"
    return f"{value:.4g}" if abs(value) < 1e-3 or abs(value) >= 1e5 else f"{value:#.4g}".rstrip(".")
