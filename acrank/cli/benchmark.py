"""``acrank benchmark``: the experiment of a transferability paper in one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acrank.cli.options import FurtherSettings, further, with_options
from acrank.cli.output import HtmlFile, check_outputs, deliver
from acrank.errors import ExitCode
from acrank.experiments.benchmark.config import TUNING, BenchmarkConfig, make_benchmark_config
from acrank.finetuning.catalogue import METHODS, read_options

if TYPE_CHECKING:
    from acrank.experiments.benchmark.run import Experiment
    from acrank.report.builders.experiment import ExperimentReport


@with_options(BenchmarkConfig, "benchmark")
def benchmark(
    settings: dict[str, Any],
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Option of the method; repeatable. See docs/finetune.md.",
            rich_help_panel=TUNING,
        ),
    ] = None,
    set_: FurtherSettings = None,
    output: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER",
            help="Folder for all results; the same command resumes an experiment there.",
        ),
    ] = Path("benchmark"),
    html: HtmlFile = None,
) -> None:
    """Fine-tune every model on every dataset, score it, and report which scores predict accuracy.

    Example: acrank benchmark --data scans --data photos --seeds 2

    The first seed tries each learning rate; all seeds then use the best on validation images.
    Models are scored on the training images only. The folder holds ACCURACIES.csv, SCORES.csv,
    cells.csv (every fine-tuning) and report.md. For images with masks and for volumes, the
    accuracy is the mean Dice of the foreground.

    Exit codes: 0 ok, 2 wrong usage, configuration or data, 3 done but some fine-tunings failed,
    4 none succeeded, 130 interrupted.
    """
    method = settings.get("method", "full")
    if method in METHODS and option:
        settings["options"] = read_options(method, option)
    settings |= further(set_ or ())
    check_outputs(html=html)
    done = _run(settings, output)
    from acrank.report.builders.experiment import ExperimentReport
    from acrank.report.renderers.terminal import make_console, print_document

    report = ExperimentReport(done)
    deliver(lambda: print_document(report.document(), make_console()), lambda: _write(report, html))
    raise typer.Exit(ExitCode.SOME_FAILED if done.failed else ExitCode.OK)


def _run(settings: dict[str, Any], output: Path) -> Experiment:
    config = make_benchmark_config(settings)
    from acrank.experiments.benchmark.run import experiment
    from acrank.report.progress import ProgressListener
    from acrank.report.renderers.terminal import make_console

    with ProgressListener(make_console(stderr=True)) as listener:
        return experiment(config, output, say=listener.line, callback=listener)


def _write(report: ExperimentReport, html: Path | None) -> None:
    from acrank.report.renderers.html import to_html
    from acrank.report.renderers.markdown import to_markdown
    from acrank.utils.files import write_all

    write_all(
        (report.done.folder / "report.md", lambda: to_markdown(report.page())),
        (html, lambda: to_html(report.page())),
    )
