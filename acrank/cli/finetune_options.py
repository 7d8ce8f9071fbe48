"""Options of ``acrank finetune`` alone; a setting that is not given is the default's."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from acrank.cli.options import plain_value
from acrank.finetuning.catalogue import METHODS, usual_rates


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


TrainingData = Annotated[
    str | None,
    typer.Option(
        help="Training images: class folders, images/ and masks/, volumes, a CSV, hfds/NAME or "
        "demo.",
        show_default=False,
    ),
]
BackboneName = Annotated[
    str | None,
    typer.Option(help="The backbone: of --zoo, or of timm, hf-hub:ORG/NAME, local-dir:PATH."),
]
BackboneZoo = Annotated[str | None, typer.Option(help="Where the backbone is listed.")]
RankingFile = Annotated[
    Path | None,
    typer.Option("--from", help="Take the best of a ranking (acrank score --json)."),
]
MethodName = Annotated[
    str | None, typer.Option(help=f"One of {', '.join(METHODS)}. [default: full]")
]
MethodOptions = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="Of the method; repeatable. See docs/finetune."),
]
NormsRule = Annotated[
    Norms | None,
    typer.Option(
        help="Of ac-norm and bn-only. affine: LayerNorm, GroupNorm and InstanceNorm too. "
        "[default: batch]"
    ),
]
OutputFolder = Annotated[
    Path | None, typer.Option(help="Folder for the result. [default: MODEL-METHOD]")
]
ValidationData = Annotated[
    str | None, typer.Option(help="Validation images. [default: split off --data]")
]
ValidationShare = Annotated[
    float | None, typer.Option(help="Share of --data that validates. [default: 0.2]")
]
TestData = Annotated[
    str | None, typer.Option(help="Images to judge the best weights on, at the end.")
]
TrainingSamples = Annotated[
    int | None, typer.Option(help="Images of --data to use, stratified. [default: all]")
]
Epochs = Annotated[int | None, typer.Option(help="Passes over them. [default: 30]")]
HeadEpochs = Annotated[
    int | None, typer.Option(help="Of these, so many train the head alone first. [default: 0]")
]
TrainingBatch = Annotated[
    int | None, typer.Option(help="Images in a batch. [default: 32; masks: 8; volumes: 2]")
]
Accumulation = Annotated[
    int | None, typer.Option(help="Batches whose gradients make one step. [default: 1]")
]
OptimizerName = Annotated[
    Optimizer | None, typer.Option(help="SGD with Nesterov momentum, or AdamW. [default: sgd]")
]
HighestRate = Annotated[
    float | None,
    typer.Option(help=f"Highest learning rate of the backbone. [default: {usual_rates()}]"),
]
HeadRateFactor = Annotated[
    float | None, typer.Option(help="The head's, relative to it. [default: 10]")
]
WeightDecay = Annotated[
    float | None, typer.Option(help="Of weights, not biases and norms. [default: 0.0005]")
]
ScheduleName = Annotated[
    Schedule | None, typer.Option(help="Of the learning rate. [default: cosine]")
]
Warmup = Annotated[
    float | None, typer.Option(help="Share of the steps in which it rises. [default: 0.1]")
]
LabelSmoothing = Annotated[
    float | None, typer.Option(help="Share spread over all classes. [default: 0]")
]
ClassWeighting = Annotated[ClassWeights | None, typer.Option(help="For imbalance. [default: none]")]
Augmentation = Annotated[
    Augment | None, typer.Option(help="timm's, or a light form of it. [default: light]")
]
Flip = Annotated[
    bool | None,
    typer.Option(
        "--flip/--no-flip",
        help="Let augmentation mirror images and volumes from left to right; not where classes "
        "are told by their side. [default: flip]",
    ),
]
AverageDecay = Annotated[
    float | None,
    typer.Option(help="Decay of averaged weights; rises to it with the steps. [default: none]"),
]
Patience = Annotated[
    int | None, typer.Option(help="End after so many epochs without a better one.")
]
MonitorName = Annotated[
    Monitor | None,
    typer.Option(help="What chooses the best epoch. [default: balanced_accuracy; masks: dice]"),
]
Fold = Annotated[
    bool | None,
    typer.Option("--fold/--no-fold", help="Save AC-Norm as plain layers. [default: fold]"),
]
TrainingSeed = Annotated[
    int | None, typer.Option(help="Of split, head, order and augmentation. [default: 0]")
]
BeginAnew = Annotated[bool, typer.Option("--fresh", help="Begin anew, whatever is in the folder.")]
Figures = Annotated[
    bool, typer.Option("--figures", help="Draw curves, and confusion or cases (extra: report).")
]


def settings_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a fine-tuning's configuration that were given on the command line.

    Args:
        options: values of the command's options by parameter name; others are passed over.
    """
    return {name: plain_value(options[name]) for name in _FIELDS if options[name] is not None}


_FIELDS = (
    *("data", "task", "decoder", "image_size", "patch", "spacing", "window", "model", "zoo"),
    *("method", "val", "val_share", "test", "samples", "epochs", "head_epochs", "batch_size"),
    *("accumulate", "optimizer", "lr", "head_lr_factor", "weight_decay", "schedule", "warmup"),
    *("label_smoothing", "class_weights", "augment", "flip", "ema", "patience", "monitor", "fold"),
    *("seed", "device", "precision", "threads", "offline", "trust_code", "allow_partial"),
)
