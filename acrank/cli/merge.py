"""``acrank merge``: parts of a run to one ranking."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from acrank.cli.output import (
    CsvFile,
    Format,
    HtmlFile,
    JsonFile,
    MarkdownFile,
    OutputFormat,
    Strict,
    Top,
    check_outputs,
    deliver,
    exit_code,
    show,
    write_report,
)


def merge(
    files: Annotated[
        list[Path],
        typer.Argument(help="JSON files of the parts (acrank score --json).", show_default=False),
    ],
    top: Top = None,
    csv: CsvFile = None,
    json: JsonFile = None,
    html: HtmlFile = None,
    markdown: MarkdownFile = None,
    output: OutputFormat = Format.table,
    strict: Strict = False,
) -> None:
    """Rank the models of several result files together, as one run of all of them would.

    Example: acrank merge part-1.json part-2.json --csv ranking.csv

    The parts come from acrank score --shard I/N --json FILE, on any machines. Files with other
    images or settings are refused.

    Exit codes: as those of acrank score.
    """
    from acrank.ranking.merge import merge as merge_files
    from acrank.report.builders.ranking import RankingReport

    check_outputs(csv, json, markdown, html=html)
    ranking = merge_files(files)
    for warning in ranking.warnings:
        typer.echo(f"note: {warning}", err=True)
    report = RankingReport(ranking, top)
    deliver(lambda: show(report, output), lambda: write_report(report, csv, json, markdown, html))
    raise typer.Exit(exit_code(ranking, strict))
