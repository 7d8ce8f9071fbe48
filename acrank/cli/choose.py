"""``acrank choose``: from a folder of images to the fine-tuned winner, in the time there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acrank.cli.options import FurtherSettings, further, with_options
from acrank.cli.output import (
    CsvFile,
    Format,
    NoImages,
    OutputFormat,
    check_outputs,
    deliver,
    show,
)
from acrank.errors import ExitCode
from acrank.race.config import ChooseConfig, make_choose_config

if TYPE_CHECKING:
    from acrank.race.result import Choice


@with_options(ChooseConfig, "choose")
def choose(
    settings: dict[str, Any],
    set_: FurtherSettings = None,
    output: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER",
            help="Folder for the network and all results; the same command goes on there.",
        ),
    ] = Path("chosen"),
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Start again and replace what is in the folder."),
    ] = False,
    csv: CsvFile = None,
    no_images: NoImages = False,
    output_format: OutputFormat = Format.table,
) -> None:
    """Choose a backbone for your data by racing the best candidates, and fine-tune the winner.

    Example: acrank choose --data scans --budget 2h --output chosen

    The zoo is ranked on a sample; the best candidates are fine-tuned briefly in three ways; the
    best of these are fine-tuned fully, as time allows; and the best of all is judged on images
    that had no part in the choice. The folder holds the network as acrank
    finetune leaves it, choice.json and choice.html. After an interruption, the same command goes
    on, and runs nothing twice.

    Exit codes: 0 ok, 2 wrong usage, configuration or data or too short a --budget, 3 done but
    some candidates failed or the network was not exported, 4 none could be fine-tuned, 130
    interrupted.
    """
    config = make_choose_config({**settings, **further(set_ or ())})
    check_outputs(csv)
    done = _choose(config, output, fresh)
    from acrank.report.builders.choice import ChoiceReport, write_choice
    from acrank.report.renderers.records import to_csv
    from acrank.utils.files import write_all

    report = ChoiceReport(done)
    deliver(
        lambda: show(report, output_format),
        lambda: _told(write_choice(done, images=not no_images)),
        lambda: write_all((csv, lambda: to_csv(report))),
    )
    unexported = len(done.exported) < len(config.export)
    lost = done.failed or done.ranking.count("failed") or unexported
    raise typer.Exit(ExitCode.SOME_FAILED if lost else ExitCode.OK)


def _choose(config: ChooseConfig, output: Path, fresh: bool) -> Choice:
    from acrank.race.run import best_so_far
    from acrank.race.run import choose as run
    from acrank.report.progress import ChoiceProgress
    from acrank.report.renderers.terminal import make_console

    with ChoiceProgress(make_console(stderr=True)) as progress:
        try:
            return run(
                config,
                output,
                fresh=fresh,
                say=progress.line,
                epoch=progress.row,
                callback=progress,
            )
        except KeyboardInterrupt:
            progress.message("the same command goes on where this one was stopped")
            best = best_so_far(output)
            if best:
                progress.message(best)
            raise


def _told(notes: tuple[str, ...]) -> None:
    for note in notes:
        typer.echo(f"note: {note}", err=True)
