"""``acrank validate``: does a metric predict the fine-tuned accuracies."""

from __future__ import annotations

import enum
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
from acrank.errors import ConfigError
from acrank.utils.visible import visible


class Tau(enum.StrEnum):
    """The ranks by which the weighted tau weighs pairs."""

    both = "both"
    accuracy = "accuracy"


def validate(
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
            help="CSV of fine-tuned accuracies; not needed where SCORES has them.",
            show_default=False,
        ),
    ] = None,
    published: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Bundled table of published scores; list shows their names.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="Name of the metric in a table with one column for each dataset. "
            "[default: its file's name]"
        ),
    ] = None,
    lower_is_better: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Metric whose lowest score is best; repeatable."),
    ] = None,
    baseline: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="CSV file with the column model and one column per static baseline; repeatable.",
        ),
    ] = None,
    model_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of model names. [default: model]")
    ] = None,
    dataset_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of dataset names. [default: dataset]")
    ] = None,
    accuracy_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of accuracies. [default: accuracy]")
    ] = None,
    zero_is_missing: Annotated[
        bool, typer.Option("--zero-is-missing", help="Treat accuracies of 0 as missing values.")
    ] = False,
    tau: Annotated[
        Tau,
        typer.Option(
            help="Ranks that weight the weighted tau: by scores and by accuracies, or only "
            "by accuracies."
        ),
    ] = Tau.both,
    draws: Annotated[
        int, typer.Option(min=100, help="Number of bootstrap samples and of random lists.")
    ] = 1000,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the bootstrap and of the random lists.")
    ] = 0,
    detail: Annotated[
        bool, typer.Option("--detail", help="Show all statistics of each dataset.")
    ] = False,
    csv: Annotated[
        Path | None, typer.Option(help="Write means and datasets, with all intervals, as CSV.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all results as JSON.")] = None,
    output: OutputFormat = Format.table,
) -> None:
    """Measure how well metrics predict fine-tuned accuracies.

    Example: acrank validate SCORES.csv ACCURACIES.csv --detail

    The table shows the weighted Kendall tau and other statistics for each metric and dataset,
    with 95 % intervals, and the same for random lists and lists sorted by model size.
    docs/validate.md describes the files and how to read the result.

    Exit codes: 0 ok, 2 wrong usage or data.
    """
    from acrank.experiments.validation import validate as compare
    from acrank.experiments.validation.catalog import catalog
    from acrank.report.builders.validation import CatalogReport, ValidationReport

    check_outputs(csv, json)
    if published == "list":
        if scores:
            raise ConfigError("--published list reads no scores.", hint="Omit SCORES.")
        tables = CatalogReport(catalog())
        deliver(lambda: show(tables, output), lambda: write_report(tables, csv, json))
        return
    result = compare(
        scores,
        accuracies,
        published=published,
        baselines=tuple(baseline or ()),
        metric=metric,
        lower_is_better=tuple(lower_is_better or ()),
        model_column=model_column,
        dataset_column=dataset_column,
        accuracy_column=accuracy_column,
        zero_is_missing=zero_is_missing,
        tau=tau.value,
        draws=draws,
        seed=seed,
    )
    for note in result.notes:
        typer.echo(visible(f"note: {note}"), err=True)
    report = ValidationReport(result, detail)
    deliver(lambda: show(report, output), lambda: write_report(report, csv, json))
