"""A zoo as table, CSV, JSON or Markdown."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from acrank.report.cells import markdown_table
from acrank.report.table import make_console, print_rows
from acrank.utils.serialise import csv_text, json_text

if TYPE_CHECKING:
    from acrank.zoo.listing import Listed

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
    "macs_g",
    "memory_mb",
    "weights_mb",
    "reason",
    "norms",
)
# In the table: long ones are of use to programs, and CSV and JSON have them.
_SHOWN = (
    "name",
    "source",
    "params_m",
    "macs_g",
    "memory_mb",
    "weights_mb",
    "norm_layers",
    "norm_channels",
    "norms",
    "input_size",
    "license",
    "tags",
    "cached",
    "reason",
)
_NUMERIC = ("params_m", "macs_g", "memory_mb", "weights_mb", "norm_layers", "norm_channels")
# Not shown where no row has one.
_OPTIONAL = frozenset(("macs_g", "memory_mb", "weights_mb", "reason", "norms"))


def print_zoo(listed: Sequence[Listed], output: str) -> None:
    """Print described entries on stdout.

    Args:
        listed: to show, in order.
        output: table, csv, json or md.
    """
    rows = [_values(row) for row in listed]
    if output == "table":
        _print_table(rows)
    else:
        print({"csv": _csv, "json": _json, "md": _markdown}[output](rows), end="")


def _values(row: Listed) -> dict[str, Any]:
    info, costs = row.info, row.costs
    return {
        "name": info.name,
        "source": info.source,
        "params_m": _in(1e6, info.params or None),
        "norm_layers": info.norm_layers or None,
        "norm_channels": info.norm_channels or None,
        "input_size": "x".join(map(str, info.input_size)) if any(info.input_size) else None,
        "license": info.license,
        "tags": " ".join(info.tags),
        "cached": info.cached,
        "revision": info.revision,
        "macs_g": _in(1e9, costs.macs if costs else None),
        "memory_mb": _in(1e6, costs.memory if costs else None, digits=None),
        "weights_mb": _in(1e6, row.size),
        "reason": row.reason,
        "norms": info.norms or None,
    }


def _in(unit: float, value: int | None, digits: int | None = 3) -> float | None:
    return None if value is None else round(value / unit, digits)


def _cells(row: dict[str, Any], columns: Collection[str]) -> list[str]:
    return [_text(row[column]) for column in columns]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.15g}"
    return "" if value is None else str(value)


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    console = make_console()
    shown = [
        column
        for column in _SHOWN
        if column not in _OPTIONAL or any(_tells(row, column) for row in rows)
    ]
    sourced = ({**row, "source": _origin(row)} for row in rows)
    print_rows(shown, (_cells(row, shown) for row in sourced), _NUMERIC, console)
    failed = sum(row["reason"] is not None for row in rows)
    console.print(f"{len(rows)} models" + (f", {failed} cannot be described" if failed else ""))


def _tells(row: dict[str, Any], column: str) -> bool:
    """Whether an optional column says something: of norms, more than how many BatchNorms."""
    if column == "norms" and row["norms"]:
        return bool(row["norms"] != f"{row['norm_layers']} BatchNorm")
    return row[column] is not None


def _origin(row: dict[str, Any]) -> str:
    """A model's source, short where its name says it."""
    source: str = row["source"]
    return "timm" if source == row["name"] and ":" not in source else source


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    return csv_text(COLUMNS, rows)


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return json_text(list(rows))


def _markdown(rows: Sequence[dict[str, Any]]) -> str:
    return markdown_table(COLUMNS, (_cells(row, COLUMNS) for row in rows))
