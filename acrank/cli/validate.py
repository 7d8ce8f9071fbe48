"""``acrank validate``: does a metric predict the fine-tuned accuracies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from acrank.cli.options import with_options
from acrank.cli.output import (
    Format,
    OutputFormat,
    check_outputs,
    deliver,
    show,
    write_report,
)
from acrank.errors import ConfigError
from acrank.experiments.validation.config import TABLES, TRUTH, ValidationConfig
from acrank.utils.visible import visible


@with_options(ValidationConfig, "validate")
def validate(
    settings: dict[str, Any],
    scores: Annotated[
        Path | None,
        typer.Argument(
            metavar="SCORES",
            help="CSV or JSON of scores, or a folder of them.",
            show_default=False,
        ),
    ] = None,
    accuracies: Annotated[
        Path | None,
        typer.Argument(
            metavar="ACCURACIES",
            help="CSV of accuracies; alone, names and history are compared with them.",
            show_default=False,
        ),
    ] = None,
    baseline: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="CSV file with the column model and one column per static baseline; repeatable.",
            rich_help_panel=TABLES,
        ),
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CSV file (model,name) that says which network each model is, by its name in "
            "timm, torchvision or a hub; optionally also its family.",
            rich_help_panel=TRUTH,
        ),
    ] = None,
    detail: Annotated[
        bool, typer.Option("--detail", help="Show all statistics of each dataset.")
    ] = False,
    csv: Annotated[
        Path | None, typer.Option(help="Write means and datasets, with all intervals, as CSV.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all results as JSON.")] = None,
    output: OutputFormat = Format.table,
) -> None:
    """Measure how well scores, or names alone, predict fine-tuned accuracies.

    Example: acrank validate SCORES.csv ACCURACIES.csv

    The table shows the weighted Kendall tau and other statistics for each metric and dataset,
    with 95 % intervals, and the same for random lists, for what the names of models give (priors,
    history on other datasets, ImageNet accuracy, size) and for their history in this table.
    docs/validate.md describes the files and how to read the result. Without SCORES.csv, acrank
    validate ACCURACIES.csv compares what names give alone.

    Exit codes: 0 ok, 2 wrong usage or data.
    """
    from acrank.experiments.validation import validate as compare
    from acrank.experiments.validation.catalog import catalog
    from acrank.report.builders.validation import CatalogReport, ValidationReport

    check_outputs(csv, json)
    if settings.get("published") == "list":
        if scores:
            raise ConfigError("--published list reads no scores.", hint="Omit SCORES.")
        tables = CatalogReport(catalog())
        deliver(lambda: show(tables, output), lambda: write_report(tables, csv, json))
        return
    result = compare(scores, accuracies, baselines=tuple(baseline or ()), names=names, **settings)
    for note in result.notes:
        typer.echo(visible(f"note: {note}"), err=True)
    report = ValidationReport(result, detail)
    deliver(lambda: show(report, output), lambda: write_report(report, csv, json))
