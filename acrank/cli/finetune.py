"""``acrank finetune``: carry a backbone on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from acrank.cli.options import with_options
from acrank.cli.output import Format, OutputFormat, deliver, show
from acrank.errors import ConfigError
from acrank.fields import DATA
from acrank.finetuning.catalogue import read_options
from acrank.finetuning.config import METHOD, FinetuneConfig, make_finetune_config
from acrank.utils.described import described

if TYPE_CHECKING:
    from acrank.finetuning.result import Finetuned


@with_options(FinetuneConfig, "finetune")
def finetune(
    settings: dict[str, Any],
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Take the best model of a ranking (acrank score --json).",
            rich_help_panel=DATA,
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Option of the method; repeatable. See docs/finetune.md.",
            rich_help_panel=METHOD,
        ),
    ] = None,
    norms: Annotated[
        Literal["batch", "affine"] | None,
        typer.Option(
            help="Layers of ac-norm and bn-only: BatchNorm, or LayerNorm, GroupNorm and "
            "InstanceNorm too. [default: batch]",
            rich_help_panel=METHOD,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Folder for the result. [default: MODEL-METHOD]"),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="Start again from the first epoch and replace what is in the folder."
        ),
    ] = False,
    figures: Annotated[
        bool,
        typer.Option(
            "--figures",
            help="Draw training curves, and the confusion matrix or example cases (extra: report).",
        ),
    ] = False,
    output_format: OutputFormat = Format.table,
) -> None:
    """Fine-tune a backbone on a target dataset, by AC-Norm or one of its peers.

    Example: acrank finetune --data photos --model resnet18.a1_in1k

    The output folder holds the weights of the best epoch, the log, the confusion matrix and all
    settings; timm loads it as local-dir:. With masks the backbone becomes the encoder of a
    segmenter (acrank.load_segmenter). After an interruption, the same command resumes after the
    last complete epoch.

    Exit codes: 0 ok, 2 wrong usage, configuration or data, 3 fine-tuned but not exported, 4 the
    backbone cannot be fine-tuned, 130 interrupted.
    """
    config = _config(settings, from_, option or (), norms)
    if figures:
        from acrank.report.plotting import require_plotting

        require_plotting("--figures")
    from acrank.utils.files import folder_name

    folder = output or Path(folder_name(f"{config.model}-{config.method}", "finetuned"))
    done = _finetune(config, folder, fresh)
    from acrank.report.builders.finetuning import FinetuneReport

    report = FinetuneReport(done)
    deliver(lambda: show(report, output_format), lambda: _draw(done) if figures else None)


def _config(
    settings: dict[str, Any], ranking: Path | None, options: Sequence[str], norms: str | None
) -> FinetuneConfig:
    if ranking:
        if settings.keys() & {"model", "zoo"}:
            raise ConfigError(
                "--from has a model and its zoo already.", hint="Leave --model and --zoo out."
            )
        settings = _best_of(ranking) | settings
    config = make_finetune_config(settings)
    given = read_options(config.method, options)
    if norms:
        given["norms"] = norms
    return make_finetune_config({**settings, "options": given}) if given else config


def _best_of(path: Path) -> dict[str, Any]:
    """The first model of a ranking, where it is listed, and how the ranking saw such data."""
    from acrank.results.file import read_ranking

    ranking = read_ranking(path)
    if ranking.best is None:
        raise ConfigError(f"'{path}' has no ranked model.", hint="Name one with --model.")
    config = ranking.record["config"]
    listed = config.get("zoo") or (None if config.get("models") else "default")
    about = described(FinetuneConfig)
    names = ["task", *(name for name, setting in about.items() if setting.of_some_data)]
    usual = {name: FinetuneConfig.model_fields[name].default for name in names}
    kept = {n: config[n] for n in names if config.get(n, usual[n]) != usual[n]}
    return {"model": ranking.best.result.model, **({"zoo": listed} if listed else {}), **kept}


def _finetune(config: FinetuneConfig, folder: Path, fresh: bool) -> Finetuned:
    from acrank.finetuning.run import finetune as run
    from acrank.finetuning.state import STATE
    from acrank.report.progress import EpochProgress
    from acrank.report.renderers.terminal import make_console

    with EpochProgress(make_console(stderr=True)) as progress:
        try:
            return run(config, folder, fresh=fresh, say=progress.row, note=progress.message)
        except KeyboardInterrupt:
            if (folder / STATE).is_file():
                command = "the same command without --fresh" if fresh else "the same command"
                progress.message(f"{command} resumes after the last complete epoch")
            raise


def _draw(done: Finetuned) -> None:
    from acrank.report.builders.finetuning_figures import write_figures

    write_figures(done)
