"""``acrank compare``: what changed between two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acrank.cli.output import (
    Format,
    OutputFormat,
    check_outputs,
    deliver,
    show,
    write_report,
)


def compare(
    old: Annotated[
        Path,
        typer.Argument(
            help="JSON file of the earlier run (acrank score --json).", show_default=False
        ),
    ],
    new: Annotated[Path, typer.Argument(help="JSON file of the later run.", show_default=False)],
    csv: Annotated[Path | None, typer.Option(help="Write every model as CSV.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write all results as JSON.")] = None,
    output: OutputFormat = Format.table,
) -> None:
    """Show what changed between two runs: data, settings, models, scores, ranks and flags.

    Example: acrank compare before.json after.json

    Exit codes: 0 ok, with or without changes, 2 wrong usage or data. To let changes fail a
    pipeline, use acrank gate --baseline.
    """
    from acrank.report.builders.comparison import ComparisonReport
    from acrank.results.changes import changes
    from acrank.results.file import read_ranking

    check_outputs(csv, json)
    report = ComparisonReport(changes(read_ranking(old), read_ranking(new)))
    deliver(lambda: show(report, output), lambda: write_report(report, csv, json))
