"""``acrank finetune``: carry a backbone on."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from acrank.cli.options import (
    Decoder,
    DeviceName,
    ImageSize,
    IntensityWindow,
    Offline,
    PatchSize,
    PrecisionName,
    TaskOption,
    Threads,
    TrustCode,
    VoxelSpacing,
    plain_value,
)
from acrank.cli.output import deliver
from acrank.errors import ConfigError
from acrank.finetuning.catalogue import METHODS, read_options, usual_rates

if TYPE_CHECKING:
    from acrank.finetuning.config import FinetuneConfig
    from acrank.finetuning.result import Finetuned


class Optimizer(enum.StrEnum):
    """Of the weights."""

    sgd = "sgd"
    adamw = "adamw"


class Schedule(enum.StrEnum):
    """Of the learning rate."""

    cosine = "cosine"
    onecycle = "onecycle"
    constant = "constant"


class ClassWeights(enum.StrEnum):
    """In the loss."""

    none = "none"
    balanced = "balanced"


class Augment(enum.StrEnum):
    """Of training images."""

    light = "light"
    timm = "timm"
    none = "none"


class Monitor(enum.StrEnum):
    """What chooses the best epoch."""

    accuracy = "accuracy"
    balanced_accuracy = "balanced_accuracy"
    macro_f1 = "macro_f1"
    auroc = "auroc"
    dice = "dice"
    iou = "iou"
    hd95 = "hd95"
    loss = "loss"


class Norms(enum.StrEnum):
    """Layers that a method is about."""

    batch = "batch"
    affine = "affine"


class FinetuneFormat(enum.StrEnum):
    """What is printed on stdout."""

    table = "table"
    json = "json"


def finetune(
    data: Annotated[
        str | None,
        typer.Option(
            help="Training images: class folders, images/ and masks/, volumes, a CSV, hfds/NAME or "
            "demo.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The backbone: of --zoo, or of timm, hf-hub:ORG/NAME, local-dir:PATH."),
    ] = None,
    zoo: Annotated[str | None, typer.Option(help="Where the backbone is listed.")] = None,
    from_: Annotated[
        Path | None,
        typer.Option("--from", help="Take the best of a ranking (acrank score --json)."),
    ] = None,
    method: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(METHODS)}. [default: full]")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Of the method; repeatable. See docs/finetune."),
    ] = None,
    task: TaskOption = None,
    decoder: Decoder = None,
    image_size: ImageSize = None,
    patch: PatchSize = None,
    spacing: VoxelSpacing = None,
    window: IntensityWindow = None,
    norms: Annotated[
        Norms | None,
        typer.Option(
            help="Of ac-norm and bn-only. affine: LayerNorm, GroupNorm and InstanceNorm too. "
            "[default: batch]"
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for the result. [default: MODEL-METHOD]")
    ] = None,
    val: Annotated[
        str | None, typer.Option(help="Validation images. [default: split off --data]")
    ] = None,
    val_share: Annotated[
        float | None, typer.Option(help="Share of --data that validates. [default: 0.2]")
    ] = None,
    test: Annotated[
        str | None, typer.Option(help="Images to judge the best weights on, at the end.")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help="Images of --data to use, stratified. [default: all]")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over them. [default: 30]")] = None,
    head_epochs: Annotated[
        int | None, typer.Option(help="Of these, so many train the head alone first. [default: 0]")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Images in a batch. [default: 32; masks: 8; volumes: 2]")
    ] = None,
    accumulate: Annotated[
        int | None, typer.Option(help="Batches whose gradients make one step. [default: 1]")
    ] = None,
    optimizer: Annotated[
        Optimizer | None, typer.Option(help="SGD with Nesterov momentum, or AdamW. [default: sgd]")
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(help=f"Highest learning rate of the backbone. [default: {usual_rates()}]"),
    ] = None,
    head_lr_factor: Annotated[
        float | None, typer.Option(help="The head's, relative to it. [default: 10]")
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="Of weights, not biases and norms. [default: 0.0005]")
    ] = None,
    schedule: Annotated[
        Schedule | None, typer.Option(help="Of the learning rate. [default: cosine]")
    ] = None,
    warmup: Annotated[
        float | None, typer.Option(help="Share of the steps in which it rises. [default: 0.1]")
    ] = None,
    label_smoothing: Annotated[
        float | None, typer.Option(help="Share spread over all classes. [default: 0]")
    ] = None,
    class_weights: Annotated[
        ClassWeights | None, typer.Option(help="For imbalance. [default: none]")
    ] = None,
    augment: Annotated[
        Augment | None, typer.Option(help="timm's, or a light form of it. [default: light]")
    ] = None,
    ema: Annotated[
        float | None, typer.Option(help="Decay of averaged weights. [default: none]")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="End after so many epochs without a better one.")
    ] = None,
    monitor: Annotated[
        Monitor | None,
        typer.Option(help="What chooses the best epoch. [default: balanced_accuracy; masks: dice]"),
    ] = None,
    fold: Annotated[
        bool | None,
        typer.Option("--fold/--no-fold", help="Save AC-Norm as plain layers. [default: fold]"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of split, head, order and augmentation. [default: 0]")
    ] = None,
    device: DeviceName = None,
    precision: PrecisionName = None,
    threads: Threads = None,
    offline: Offline = None,
    trust_code: TrustCode = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew, whatever is in the folder.")
    ] = False,
    figures: Annotated[
        bool, typer.Option("--figures", help="Draw curves, and confusion or cases (extra: report).")
    ] = False,
    format_: Annotated[
        FinetuneFormat, typer.Option("--format", help="Of stdout.")
    ] = FinetuneFormat.table,
) -> None:
    """Fine-tune a backbone on a target dataset, by AC-Norm or one of its peers.

    The best epoch's weights are written into a folder that timm loads as local-dir:, with the
    log, the confusion matrix and all settings. With masks the backbone becomes the encoder of a
    segmenter (acrank.load_segmenter). Stopped at any moment, the same command goes on after the
    last whole epoch.

    Exit codes: 0 ok, 2 wrong usage, configuration or data, 4 the backbone cannot be fine-tuned,
    130 interrupted.
    """
    config = _config(locals())
    if figures:
        from acrank.report.plotting import require_plotting

        require_plotting("--figures")
    folder = output or Path(_file_name(f"{config.model}-{config.method}"))
    done = _finetune(config, folder, fresh)
    deliver(lambda: _show(done, format_), lambda: _draw(done) if figures else None)


_FIELDS = (
    *(
        "data",
        "task",
        "decoder",
        "image_size",
        "patch",
        "spacing",
        "window",
        "model",
        "zoo",
        "method",
        "val",
        "val_share",
        "test",
        "samples",
        "epochs",
    ),
    *("head_epochs", "batch_size", "accumulate", "optimizer", "lr", "head_lr_factor"),
    *("weight_decay", "schedule", "warmup", "label_smoothing", "class_weights", "augment"),
    *("ema", "patience", "monitor", "fold", "seed", "device", "precision", "threads"),
    *("offline", "trust_code"),
)


def _config(options: Mapping[str, Any]) -> FinetuneConfig:
    from acrank.finetuning.config import make_finetune_config

    settings = {f: plain_value(options[f]) for f in _FIELDS if options[f] is not None}
    if options["from_"]:
        if settings.keys() & {"model", "zoo"}:
            raise ConfigError(
                "--from has a model and its zoo already.", hint="Leave --model and --zoo out."
            )
        settings = _best_of(options["from_"]) | settings
    config = make_finetune_config(settings)
    given = read_options(config.method, options["option"] or ())
    if options["norms"]:
        given["norms"] = str(options["norms"])
    return make_finetune_config({**settings, "options": given}) if given else config


def _best_of(path: Path) -> dict[str, Any]:
    """The first model of a ranking and where it is listed."""
    from acrank.results.file import read_ranking

    ranking = read_ranking(path)
    if ranking.best is None:
        raise ConfigError(f"'{path}' has no ranked model.", hint="Name one with --model.")
    config = ranking.record["config"]
    listed = config.get("zoo") or (None if config.get("models") else "default")
    masks = config.get("task") == "segmentation"
    of_masks = ("task", "decoder", "image_size", "patch", "spacing", "window")
    kept = {name: config[name] for name in of_masks if masks and config.get(name) is not None}
    return {"model": ranking.best.result.model, **({"zoo": listed} if listed else {}), **kept}


def _finetune(config: FinetuneConfig, folder: Path, fresh: bool) -> Finetuned:
    from acrank.finetuning.run import finetune as run
    from acrank.finetuning.state import STATE
    from acrank.report.finetuning import EpochProgress
    from acrank.report.table import make_console

    with EpochProgress(make_console(stderr=True)) as progress:
        try:
            return run(config, folder, fresh=fresh, say=progress.row, note=progress.message)
        except KeyboardInterrupt:
            if (folder / STATE).is_file():
                command = "the same command without --fresh" if fresh else "the same command"
                progress.message(f"{command} goes on after the last whole epoch")
            raise


def _show(done: Finetuned, output: FinetuneFormat) -> None:
    from acrank.report.cells import json_text
    from acrank.report.finetuning import print_finetuned
    from acrank.report.table import make_console

    if output is FinetuneFormat.json:
        typer.echo(json_text({"folder": str(done.folder), **done.record}), nl=False)
    else:
        print_finetuned(done, make_console())


def _draw(done: Finetuned) -> None:
    from acrank.report.finetuning_figures import write_figures

    write_figures(done)


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") or "finetuned"
