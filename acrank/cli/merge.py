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
    show_ranking,
    write_ranking,
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

    For runs in parts: acrank score --shard I/N --json FILE, on any machines. Files of other
    images or settings are refused.

    Exit codes: as those of acrank score.
    """
    from acrank.ranking.merge import merge as merge_files

    check_outputs(csv, json, markdown, html=html)
    ranking = merge_files(files)
    for warning in ranking.warnings:
        typer.echo(f"note: {warning}", err=True)
    deliver(
        lambda: show_ranking(ranking, output, top),
        lambda: write_ranking(ranking, csv, json, html, markdown),
    )
    raise typer.Exit(exit_code(ranking, strict))
