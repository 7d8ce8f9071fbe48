"""``acrank score``: rank a zoo on a target dataset."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acrank.cli.options import ConfigFile, with_options
from acrank.cli.output import (
    Collector,
    CsvFile,
    Format,
    HtmlFile,
    JsonFile,
    MarkdownFile,
    NoImages,
    OutputFormat,
    Strict,
    Top,
    check_outputs,
    collector,
    deliver,
    exit_code,
    show,
    write_report,
)
from acrank.config import RunConfig, make_config
from acrank.errors import ConfigError
from acrank.fields import DATA

if TYPE_CHECKING:
    from acrank.results import Ranking


@with_options(RunConfig, "score")
def score(
    settings: dict[str, Any],
    config: ConfigFile = None,
    top: Top = None,
    csv: CsvFile = None,
    json: JsonFile = None,
    html: HtmlFile = None,
    markdown: MarkdownFile = None,
    no_images: NoImages = False,
    features: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write each model's features into this folder."),
    ] = None,
    from_features: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Rank the features in this folder again, without images or networks.",
            rich_help_panel=DATA,
        ),
    ] = None,
    output: OutputFormat = Format.table,
    strict: Strict = False,
) -> None:
    """Rank pretrained backbones for a target dataset.

    Example: acrank score --data photos --model "resnet*" --html report.html

    Each candidate extracts features from a sample of the target and takes one AC-Norm step on it.
    A score of the features estimates how well it would transfer; AC-Corr is shown beside it. The
    table lists the best model first, with 95 % intervals, the probability of the highest score, and
    groups of models that cannot be told apart.

    Exit codes: 0 ok, 2 wrong usage, configuration or data, 3 done but some models failed (or
    --strict found something), 4 no model could be scored, 130 interrupted.
    """
    if from_features and features:
        raise ConfigError(
            "--features cannot be used with --from-features: they are there already.",
            hint="Omit one of them.",
        )
    gallery = collector(html, no_images)
    started = time.perf_counter()  # what is imported below takes some of a budget
    check_outputs(csv, json, markdown, html=html)
    ranking = _run(settings, config, features, from_features, started, gallery)
    from acrank.report.builders.ranking import RankingReport

    report, pictures = RankingReport(ranking, top), gallery.found if gallery else ()
    deliver(
        lambda: show(report, output),
        lambda: write_report(report, csv, json, markdown, html, pictures),
    )
    raise typer.Exit(exit_code(ranking, strict))


def _run(
    settings: dict[str, Any],
    file: Path | None,
    features: Path | None,
    from_features: Path | None,
    started: float,
    gallery: Collector | None,
) -> Ranking:
    stored = {"data": str(from_features)} if from_features else {}
    config = make_config({**stored, **settings}, file)

    from acrank.report.progress import ProgressListener
    from acrank.report.renderers.terminal import make_console
    from acrank.runners.from_features import rank_from_features
    from acrank.runners.rank import rank_zoo

    with ProgressListener(make_console(stderr=True)) as listener:
        if from_features:
            return rank_from_features(from_features, config, listener)
        return rank_zoo(config, listener, features, started=started, on_sample=gallery)
