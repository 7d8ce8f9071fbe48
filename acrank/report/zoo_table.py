"""A zoo as table, CSV, JSON or Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from acrank.report.cells import csv_text, json_text, markdown_table
from acrank.report.table import make_console, print_rows

if TYPE_CHECKING:
    from acrank.zoo import EntryInfo

COLUMNS = (
    "name",
    "source",
    "params_m",
    "norm_layers",
    "norm_channels",
    "input_size",
    "license",
    "tags",
    "cached",
    "revision",
)


def print_zoo(entries: Iterable[EntryInfo], output: str) -> None:
    """Print described entries on stdout.

    Args:
        entries: to show, in order.
        output: table, csv, json or md.
    """
    rows = [_values(info) for info in entries]
    if output == "table":
        _print_table(rows)
    else:
        print({"csv": _csv, "json": _json, "md": _markdown}[output](rows), end="")


def _values(info: EntryInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "source": info.source,
        "params_m": round(info.params / 1e6, 3) if info.params else None,
        "norm_layers": info.norm_layers or None,
        "norm_channels": info.norm_channels or None,
        "input_size": "x".join(map(str, info.input_size)),
        "license": info.license,
        "tags": " ".join(info.tags),
        "cached": info.cached,
        "revision": info.revision,
    }


def _cells(row: dict[str, Any]) -> list[str]:
    def text(value: Any) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        return "" if value is None else str(value)

    return [text(row[column]) for column in COLUMNS]


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    console = make_console()
    # The revision is long and of use to programs: CSV and JSON have it.
    shown = COLUMNS[:-1]
    sourced = (
        {**row, "source": "timm" if row["source"] == row["name"] else row["source"]} for row in rows
    )
    cells = (_cells(row)[:-1] for row in sourced)
    print_rows(shown, cells, ("params_m", "norm_layers", "norm_channels"), console)
    console.print(f"{len(rows)} models")


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    return csv_text(COLUMNS, rows)


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return json_text(list(rows))


def _markdown(rows: Sequence[dict[str, Any]]) -> str:
    return markdown_table(COLUMNS, map(_cells, rows))
