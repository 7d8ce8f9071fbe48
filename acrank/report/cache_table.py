"""The kept results as table, CSV or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from acrank.report.cells import csv_text, json_text, plain
from acrank.report.table import make_console, print_table
from acrank.store import Kept

COLUMNS = ("model", "data", "metrics", "kept", "bytes", "file")


def print_kept(entries: Sequence[Kept], output: str) -> None:
    """Print kept results on stdout.

    Args:
        entries: to show, in order.
        output: table, csv or json.
    """
    rows = [_values(kept) for kept in entries]
    if output == "table":
        _print_table(rows)
    else:
        print(json_text(rows) if output == "json" else csv_text(COLUMNS, rows), end="")


def _values(kept: Kept) -> dict[str, Any]:
    return {
        "model": kept.model,
        "data": kept.data,
        "metrics": kept.metrics,
        "kept": datetime.fromtimestamp(kept.modified, UTC).isoformat(timespec="seconds"),
        "bytes": kept.size,
        "file": str(kept.path),
    }


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    console = make_console()
    # The file's name is a hash and of use to programs: CSV and JSON have it.
    shown = COLUMNS[:-1]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in shown:
        numeric = column in ("metrics", "bytes")
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(plain(str(row[column])) for column in shown))
    print_table(table, console)
    size = sum(row["bytes"] for row in rows)
    console.print(f"{len(rows)} results, {size / 1e6:.1f} MB")
