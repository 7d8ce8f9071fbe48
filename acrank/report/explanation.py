"""An explanation on a terminal: a summary, the layers, the channels that move most."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from acrank.report.cells import plain
from acrank.report.explanation_records import Moves
from acrank.report.explanation_text import (
    LAYER_LEGEND,
    channel_legend,
    share_text,
    signed,
    summary,
)
from acrank.report.ranking_text import number_text
from acrank.report.table import PLAIN_WIDTH, print_table
from acrank.scoring.inspection import ChannelMove, Explanation, LayerExplanation

Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column: its heading, its cell, and how soon it goes when the terminal is narrow."""

    heading: str
    cell: Callable[[Row], str]
    expendable: int = 0
    left: bool = False


def print_explanation(explained: Explanation, moves: Moves, console: Console) -> None:
    """Print what is known of a network, and what a reader must know to read it.

    Args:
        explained: the network.
        moves: the channels that move most, by heading.
        console: from :func:`acrank.report.table.make_console`.
    """
    _say(summary(explained), console)
    console.print()
    hidden = _print(explained.layers, layer_columns(explained), console, _layer_style)
    _say([*_hidden(hidden), *LAYER_LEGEND], console)
    for heading, listed in moves:
        console.print()
        console.print(plain(f"{heading}:", style="bold"), soft_wrap=not console.is_terminal)
        hidden = _print(listed, channel_columns(listed), console, lambda move: None)
        _say(_hidden(hidden), console)
    if moves:
        _say([channel_legend(explained)], console)


def layer_columns(explained: Explanation) -> list[Column[LayerExplanation]]:
    """What is shown of each layer.

    Args:
        explained: the network.
    """
    return [
        Column("layer", lambda layer: layer.name, left=True),
        Column("channels", lambda layer: str(layer.correlation.channels)),
        Column("dead", lambda layer: str(layer.correlation.dead or ""), 1),
        Column("ac_corr", lambda layer: number_text(layer.correlation.kept_sum)),
        Column("share", lambda layer: share_text(explained.share(layer)), 4),
        Column("per channel", lambda layer: number_text(layer.correlation.kept_mean), 3),
        Column("zero-drift", lambda layer: number_text(layer.correlation.zero_drift)),
        Column("excess", lambda layer: signed(layer.excess)),
        Column("crossed", lambda layer: number_text(layer.crossed), 2),
        Column("spread", lambda layer: number_text(layer.spread), 2),
        Column("drift", lambda layer: number_text(layer.drift)),
        Column("status", lambda layer: layer.status, left=True),
    ]


def _layer_style(layer: LayerExplanation) -> str | None:
    return None if layer.status == "ok" else "dim"


def channel_columns(moves: Sequence[ChannelMove]) -> list[Column[ChannelMove]]:
    """What is shown of channels, with as many decimals as tell before from after.

    Args:
        moves: all that stand in one table.
    """

    def pair(name: str) -> Callable[[ChannelMove], str]:
        before, after = f"{name}_before", f"{name}_after"
        places = _places([getattr(m, after) - getattr(m, before) for m in moves])
        return lambda m: f"{getattr(m, before):.{places}f} → {getattr(m, after):.{places}f}"

    def deviation(move: ChannelMove) -> str:
        known = not math.isnan(move.change_sd)
        return signed(move.change) + (f" ± {move.change_sd:.2g}" if known else "")

    return [
        Column("layer", lambda move: move.layer, left=True),
        Column("channel", lambda move: str(move.channel) + (" dead" if move.dead else "")),
        Column("moved", lambda move: number_text(move.moved)),
        Column("change", deviation, 3),
        Column("ratio", pair("ratio")),
        Column("gamma", pair("gamma"), 2),
        Column("beta", pair("beta"), 2),
        Column("crossed", lambda move: share_text(move.crossed, 0), 4),
        Column("kept", lambda move: number_text(move.kept), 4),
    ]


def _places(differences: Sequence[float]) -> int:
    """Decimals that show most of some differences to two digits."""
    sizes = sorted(abs(value) for value in differences if value)
    if not sizes:
        return 4
    usual = sizes[len(sizes) // 2]
    return min(max(1 - math.floor(math.log10(usual)), 2), 9)


def _print(
    rows: Sequence[Row],
    columns: list[Column[Row]],
    console: Console,
    style: Callable[[Row], str | None],
) -> list[str]:
    """Print rows with as many columns as there is room for; the headings of the others."""
    shown = columns
    while True:
        table = _table(rows, shown, style)
        wanted = Measurement.get(console, console.options.update(width=PLAIN_WIDTH), table).maximum
        last = max(column.expendable for column in shown)
        if wanted <= console.width or not last:
            print_table(table, console)
            return [column.heading for column in columns if column not in shown]
        shown = [column for column in shown if column.expendable != last]


def _table(
    rows: Sequence[Row], columns: Sequence[Column[Row]], style: Callable[[Row], str | None]
) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            plain(column.heading), justify="left" if column.left else "right", overflow="fold"
        )
    for row in rows:
        table.add_row(*(plain(column.cell(row)) for column in columns), style=style(row))
    return table


def _hidden(headings: Sequence[str]) -> list[str]:
    return [f"Columns hidden for lack of width: {', '.join(headings)}."] if headings else []


def _say(lines: Sequence[str], console: Console) -> None:
    for line in lines:
        console.print(plain(line), soft_wrap=not console.is_terminal)
