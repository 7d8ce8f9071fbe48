"""``acrank explain``: one model, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acrank.cli.options import ConfigFile, with_options
from acrank.cli.output import (
    Collector,
    Format,
    NoImages,
    OutputFormat,
    check_outputs,
    collector,
    deliver,
    show,
    write_report,
)
from acrank.config import RunConfig, make_config
from acrank.errors import ExitCode
from acrank.fields import DATA
from acrank.zoo.sources.registry import MODEL

if TYPE_CHECKING:
    from acrank.scoring.inspection import Explanation


@with_options(RunConfig, "explain")
def explain(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help=f"Name of a model in the zoo; without --zoo {MODEL}.",
            show_default=False,
        ),
    ],
    settings: dict[str, Any],
    zoo: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|demo",
            help="Zoo that lists the model: a zoo file, default or demo. [default: timm]",
            rich_help_panel=DATA,
        ),
    ] = None,
    config: ConfigFile = None,
    channels: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="Number of channels to show, of those that change most."
        ),
    ] = 10,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Show the channels of this layer or wildcard; repeatable."
        ),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the layers as CSV."),
    ] = None,
    channels_csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every channel of every layer as CSV."),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write all results as JSON: trials, layers, channels, configuration.",
        ),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the layers: .png, .svg or .pdf (extra: report)."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write a report as one HTML file, with images (extra: report)."
        ),
    ] = None,
    no_images: NoImages = False,
    output: OutputFormat = Format.table,
) -> None:
    """Explain the AC-Corr of one model, layer by layer.

    Example: acrank explain resnet50.a1_in1k --data photos --figure layers.png

    The probe and the numbers are those of acrank score with the same options. The output shows
    the layers, the reasons why some carry no information, and the channels that change most. A
    trial is one batch (one step) or one training (several steps). 'After' values are means over
    trials; channels are sorted by the RMS change of their affine ratio. See docs/explain.md.

    Exit codes: 0 ok, 2 wrong usage, configuration or data, 4 the model has no AC-Corr (it cannot
    be probed, or its layers carry no information, but are shown), 130 interrupted.
    """
    settings |= {"models": (model,), **({"zoo": zoo} if zoo is not None else {})}
    gallery = collector(html, no_images)
    files = (csv, channels_csv, json, figure)
    explained = _explain(settings, config, files, figure, html, gallery)
    from acrank.report.builders.explanation import ExplanationReport
    from acrank.report.builders.explanation_figures import draw
    from acrank.report.renderers.records import records_to_csv
    from acrank.scoring.inspection.types import listed_moves

    report = ExplanationReport(explained, listed_moves(explained, channels, layer or ()), channels)
    pictures = gallery.found if gallery else ()
    channel_file = (channels_csv, lambda: records_to_csv(report.channel_records()))
    figure_file = (figure, lambda: draw(explained, figure.suffix.lower() if figure else ""))
    deliver(
        lambda: show(report, output),
        lambda: write_report(report, csv, json, None, html, pictures, channel_file, figure_file),
    )
    raise typer.Exit(ExitCode.NOTHING_SCORED if explained.silence else ExitCode.OK)


def _explain(
    settings: dict[str, Any],
    file: Path | None,
    files: tuple[Path | None, ...],
    figure: Path | None,
    html: Path | None,
    gallery: Collector | None,
) -> Explanation:

    config = make_config(settings, file)
    check_outputs(*files, html=html)
    if figure:
        from acrank.report.builders.explanation_figures import check_figure

        check_figure(figure)

    from acrank.report.progress import ProgressListener
    from acrank.report.renderers.terminal import make_console
    from acrank.runners.explain import explain_one

    with ProgressListener(make_console(stderr=True)) as listener:
        return explain_one(config, listener, on_sample=gallery)
