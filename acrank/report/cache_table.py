"""The kept results as table, CSV or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from acrank.cache import Kept
from acrank.report.table import make_console, print_rows
from acrank.utils.serialise import csv_text, json_text

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
    cells = ([str(row[column]) for column in shown] for row in rows)
    print_rows(shown, cells, ("metrics", "bytes"), console)
    size = sum(row["bytes"] for row in rows)
    console.print(f"{len(rows)} results, {size / 1e6:.1f} MB")
