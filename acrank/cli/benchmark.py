"""``acrank benchmark``: the experiment of a transferability paper in one command."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acrank.cli.options import (
    Decoder,
    DeviceName,
    ImageSize,
    IntensityWindow,
    Models,
    NormsName,
    Offline,
    PatchSize,
    TaskOption,
    Threads,
    TrustCode,
    VoxelSpacing,
    ZooFile,
    plain_value,
)
from acrank.cli.output import HtmlFile, check_outputs, deliver
from acrank.errors import ConfigError, ExitCode
from acrank.finetuning.catalogue import METHODS, read_options

if TYPE_CHECKING:
    from acrank.experiments.benchmark.run import Experiment


class Measure(enum.StrEnum):
    """On the test images."""

    accuracy = "accuracy"
    balanced_accuracy = "balanced_accuracy"
    macro_f1 = "macro_f1"
    auroc = "auroc"
    dice = "dice"
    iou = "iou"


def benchmark(
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Images: a folder of class folders or a CSV, or one of images/ and masks/, or of "
            "volumes; with train/ and test/ (or val/) in it, tested on the latter; repeatable.",
            show_default=False,
        ),
    ] = None,
    task: TaskOption = None,
    decoder: Decoder = None,
    image_size: ImageSize = None,
    patch: PatchSize = None,
    spacing: VoxelSpacing = None,
    window: IntensityWindow = None,
    norms: Annotated[
        NormsName | None,
        typer.Option(
            help="Layers of AC-Corr, and of ac-norm and bn-only. affine: without BatchNorm, "
            "LayerNorm and the like, compared apart; mixed: with the others. [default: batch]",
        ),
    ] = None,
    zoo: ZooFile = None,
    model: Models = None,
    method: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(METHODS)}. [default: full]")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Of the method; repeatable.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Fine-tunings of each model. [default: 3]")
    ] = None,
    lr: Annotated[
        list[float] | None,
        typer.Option(help="Learning rate to try with the first seed; repeatable."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Of a fine-tuning. [default: 20]")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Images in a batch. [default: 32; masks: 8; volumes: 2]")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help="Training images of each dataset. [default: all]")
    ] = None,
    test_share: Annotated[
        float | None, typer.Option(help="Kept back where there is no test/. [default: 0.3]")
    ] = None,
    measure: Annotated[
        Measure | None,
        typer.Option(help="What scores are to predict. [default: accuracy; masks: dice]"),
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Scores to compute; repeatable. [default: all]")
    ] = None,
    score_samples: Annotated[
        int | None,
        typer.Option(help="Training images to score on. [default: 256; masks: 64; volumes: 32]"),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="finetune.NAME=VALUE",
            help="A further setting of fine-tuning, or score.NAME=VALUE; repeatable.",
        ),
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Fine-tunings at a time. [default: 1]")] = None,
    timeout: Annotated[
        str | None, typer.Option(help="Give a fine-tuning up after so long: 90s, 10m.")
    ] = None,
    keep_weights: Annotated[
        bool | None, typer.Option("--keep-weights", help="Keep the weights of every fine-tuning.")
    ] = None,
    threads: Threads = None,
    device: DeviceName = None,
    offline: Offline = None,
    trust_code: TrustCode = None,
    output: Annotated[
        Path, typer.Option(help="Folder for everything; the same command goes on in it.")
    ] = Path("benchmark"),
    html: HtmlFile = None,
) -> None:
    """Fine-tune every model on every dataset, score it, and say which scores predict the accuracy.

    Each learning rate is tried with the first seed; the best on validation images is used for
    all. Models are scored on the training images alone. The folder has ACCURACIES.csv, SCORES.csv,
    cells.csv (every fine-tuning) and report.md. Of images with masks and of volumes, the accuracy
    is the mean Dice of the foreground.

    Exit codes: 0 ok, 2 wrong usage, configuration or data, 3 done but some fine-tunings failed,
    4 none succeeded, 130 interrupted.
    """
    settings = _settings(locals())
    check_outputs(html=html)
    done = _run(settings, output)
    deliver(lambda: _show(done), lambda: _write(done, html))
    raise typer.Exit(ExitCode.SOME_FAILED if done.failed else ExitCode.OK)


_FIELDS = {
    **{"task": "task", "decoder": "decoder", "image_size": "image_size", "patch": "patch"},
    **{"spacing": "spacing", "window": "window", "norms": "norms"},
    **{"data": "data", "zoo": "zoo", "model": "models", "method": "method", "seeds": "seeds"},
    **{"lr": "lrs", "epochs": "epochs", "batch_size": "batch_size", "samples": "samples"},
    **{"test_share": "test_share", "measure": "measure", "metric": "metrics", "jobs": "jobs"},
    **{"score_samples": "score_samples", "timeout": "timeout", "keep_weights": "keep_weights"},
    **{"threads": "threads", "device": "device", "offline": "offline", "trust_code": "trust_code"},
}


def _settings(options: Mapping[str, Any]) -> dict[str, Any]:
    settings = {
        field: plain_value(options[name])
        for name, field in _FIELDS.items()
        if options[name] is not None and options[name] != []
    }
    method = settings.get("method", "full")
    if method in METHODS and options["option"]:
        settings["options"] = read_options(method, options["option"])
    return settings | _further(options["set_"] or ())


def _further(given: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Settings of fine-tuning and scoring, each value as YAML says it."""
    import yaml

    found: dict[str, dict[str, Any]] = {"finetune": {}, "score": {}}
    for text in given:
        name, equals, value = text.partition("=")
        part, dot, field = name.partition(".")
        if not equals or not dot or part not in found:
            raise ConfigError(
                f"--set {text!r} is no setting.",
                hint="Write finetune.NAME=VALUE or score.NAME=VALUE.",
            )
        found[part][field] = yaml.safe_load(value)
    return found


def _run(settings: dict[str, Any], output: Path) -> Experiment:
    from acrank.experiments.benchmark.config import make_transfer_config

    config = make_transfer_config(settings)
    from acrank.experiments.benchmark.run import experiment
    from acrank.report.progress import ProgressListener
    from acrank.report.table import make_console

    with ProgressListener(make_console(stderr=True)) as listener:
        return experiment(config, output, say=listener.line, callback=listener)


def _show(done: Experiment) -> None:
    from acrank.report.experiment import print_experiment
    from acrank.report.table import make_console

    print_experiment(done, make_console())


def _write(done: Experiment, html: Path | None) -> None:
    from acrank.report.experiment import to_markdown
    from acrank.utils.files import write_all

    write_all(
        (done.folder / "report.md", lambda: to_markdown(done)),
        (html, lambda: _page(done)),
    )


def _page(done: Experiment) -> str:
    from acrank.report.html.experiment import experiment_to_html

    return experiment_to_html(done)
