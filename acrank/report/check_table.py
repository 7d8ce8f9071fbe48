"""The check of a zoo file as table or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from acrank.report.table import make_console, print_rows
from acrank.utils.serialise import json_text

if TYPE_CHECKING:
    from acrank.zoo.check import Checked

COLUMNS = ("line", "name", "status", "revision", "license", "weights_mb", "says")
# Digits of a commit in the table; those of a SHA-256 are as many.
_SHORT = 12


def print_checks(checks: Sequence[Checked], output: str) -> None:
    """Print what was found out on stdout, an entry a line.

    Args:
        checks: of the entries, in the file's order.
        output: table or json.
    """
    rows = [_values(checked) for checked in checks]
    if output == "json":
        print(json_text(rows), end="")
        return
    console = make_console()
    print_rows(COLUMNS, map(_cells, rows), ("line", "weights_mb"), console)
    counts = [sum(row["status"] == status for row in rows) for status in ("error", "warning")]
    console.print(f"{len(rows)} models, {counts[0]} with errors, {counts[1]} with warnings")


def _values(checked: Checked) -> dict[str, Any]:
    return {
        "name": checked.name,
        "line": checked.line,
        "source": checked.source,
        "status": checked.status,
        "revision": checked.revision,
        "license": checked.license,
        "weights_mb": None if checked.size is None else round(checked.size / 1e6, 3),
        "errors": checked.errors,
        "warnings": checked.warnings,
    }


def _cells(row: dict[str, Any]) -> list[str]:
    said = "; ".join(row["errors"] + row["warnings"])
    revision = row["revision"] or ""
    whole = ":" in revision
    short = {**row, "revision": revision if whole else revision[:_SHORT], "says": said}
    return ["" if short[column] is None else str(short[column]) for column in COLUMNS]
