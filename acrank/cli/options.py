"""Options of every command that scores models; a setting that is not given is the default's."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer


class Device(enum.StrEnum):
    """Where networks run."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Precision(enum.StrEnum):
    """Of the forward and backward pass."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


class Engine(enum.StrEnum):
    """Where models are scored."""

    local = "local"
    ray = "ray"


class Head(enum.StrEnum):
    """Classifier over the target's classes."""

    random = "random"
    ridge = "ridge"


class TaskName(enum.StrEnum):
    """What the target's labels are of: images or pixels."""

    auto = "auto"
    classification = "classification"
    segmentation = "segmentation"


class DecoderName(enum.StrEnum):
    """On the encoder's feature maps."""

    unet = "unet"
    fpn = "fpn"
    deeplabv3plus = "deeplabv3plus"


class NormsName(enum.StrEnum):
    """Layers that AC-Corr is of."""

    batch = "batch"
    affine = "affine"
    mixed = "mixed"


class DeadChannels(enum.StrEnum):
    """What to do with channels that pass no signal on."""

    exclude = "exclude"
    keep = "keep"


Data = Annotated[
    str | None,
    typer.Option(
        help="Target: a folder of class folders, a CSV (path,label), hfds/NAME, or demo.",
        show_default=False,
    ),
]
TaskOption = Annotated[
    TaskName | None,
    typer.Option("--task", help="Labels of images or of pixels. [default: by the data]"),
]
Decoder = Annotated[
    DecoderName | None,
    typer.Option(help="For segmentation (extra: segmentation). [default: unet]"),
]
ImageSize = Annotated[
    int | None,
    typer.Option(help="For segmentation: height and width of images. [default: 256]"),
]
PixelCount = Annotated[
    int | None,
    typer.Option(
        "--pixels",
        help="For segmentation: pixels of a class and image for feature scores. [default: 32]",
    ),
]
LayerNames = Annotated[
    list[str] | None,
    typer.Option(
        "--layers",
        help="For segmentation: NAME or NAME,NAME of the layers whose maps feature scores see. "
        "[default: three scales]",
    ),
]
PatchSize = Annotated[
    str | None,
    typer.Option(help="For volumes: voxels of a patch, N or X,Y,Z. [default: 96, or what fits]"),
]
VoxelSpacing = Annotated[
    str | None,
    typer.Option(help="For volumes: mm to resample to, N or X,Y,Z. [default: the median]"),
]
IntensityWindow = Annotated[
    str | None,
    typer.Option(
        help="For volumes: intensities that count, LOW,HIGH (CT). [default: percentiles of each]"
    ),
]
PatchCount = Annotated[
    str | None,
    typer.Option(
        "--patches",
        help="For volumes: patches of each that feature scores see, N, or all for sliding windows "
        "over it. [default: 1]",
    ),
]
ZooFile = Annotated[
    str | None,
    typer.Option(help="Candidates: a zoo file, or demo. [default: the packaged zoo]"),
]
Models = Annotated[
    list[str] | None,
    typer.Option(help="Name or wildcard, of the zoo or else of timm; repeatable."),
]
MetricNames = Annotated[
    list[str] | None,
    typer.Option(help="Further scores: NAME, NAME,NAME or all; repeatable. See docs/metrics."),
]
RankBy = Annotated[
    str | None,
    typer.Option(help="Score that orders the table, or consensus. [default: log_me]"),
]
Bootstrap = Annotated[
    int | None,
    typer.Option(help="Random parts of the sample for intervals of feature scores. [default: 50]"),
]
Samples = Annotated[
    int | None,
    typer.Option(
        help="Images to draw, stratified by class. [default: 256; with masks: 64; volumes: 32]"
    ),
]
BatchSize = Annotated[
    int | None, typer.Option(help="Images in a batch. [default: 32; with masks: 8; volumes: 2]")
]
Steps = Annotated[
    str | None,
    typer.Option(
        help="1: one step of the norm affines a batch. N or epoch: train everything. [default: 1]"
    ),
]
Repeats = Annotated[int | None, typer.Option(help="Trainings, with several steps. [default: 3]")]
LearningRate = Annotated[
    float | None, typer.Option(help="Learning rate of the SGD step. [default: 0.01]")
]
HeadKind = Annotated[
    Head | None,
    typer.Option(help="Drawn a batch, or ridge regression. [default: random]"),
]
NormsRule = Annotated[
    NormsName | None,
    typer.Option(
        "--norms",
        help="Layers of AC-Corr. affine: without BatchNorm, LayerNorm and the like, ranked apart; "
        "mixed: in one list. [default: batch]",
    ),
]
DeadChannelRule = Annotated[
    DeadChannels | None,
    typer.Option(help="keep is the authors' form. [default: exclude]"),
]
Seed = Annotated[int | None, typer.Option(help="Of the sample, batches and heads. [default: 0]")]
DeviceName = Annotated[Device | None, typer.Option(help="Where networks run. [default: auto]")]
PrecisionName = Annotated[
    Precision | None,
    typer.Option(help="auto is bf16 where the hardware has it. [default: auto]"),
]
Threads = Annotated[int | None, typer.Option(help="CPU threads. [default: the cores it may use]")]
Offline = Annotated[bool | None, typer.Option("--offline", help="Use no network.")]
TrustCode = Annotated[
    bool | None,
    typer.Option("--trust-code", help="Allow zoo entries with a factory: to run their code."),
]
AllowPartial = Annotated[
    bool | None,
    typer.Option(
        "--allow-partial",
        help="Take checkpoints of partial: entries that fill less than half of the network.",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Score N models at a time in worker processes; a crash costs one row. "
        "[default: one after the other in this process]"
    ),
]
TimeoutPerModel = Annotated[
    str | None, typer.Option(help="Give a model up after so long: 90s, 10m.")
]
Budget = Annotated[
    str | None,
    typer.Option(help="Time for the whole run (10m, 1h): drops models on small samples."),
]
Shard = Annotated[
    str | None,
    typer.Option(help="I/N: the I-th of N parts of the zoo; see acrank merge."),
]
EngineName = Annotated[
    Engine | None,
    typer.Option(help="This machine, or a Ray cluster (extra: ray). [default: local]"),
]
RayAddress = Annotated[
    str | None,
    typer.Option(help="Of a running Ray cluster. [default: start one on this machine]"),
]
Fresh = Annotated[bool | None, typer.Option("--fresh", help="Score again what was scored before.")]
ConfigFile = Annotated[
    Path | None, typer.Option(help="YAML file with these settings; options win over it.")
]


def settings_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a configuration that were given on the command line.

    Args:
        options: values of the options above by parameter name; others are passed over.
    """
    given = {_FIELDS.get(name, name): value for name, value in options.items() if name in _OPTIONS}
    steps = given.get("steps")
    if steps and steps.isdecimal():
        given["steps"] = int(steps)
    return {
        name: plain_value(value)
        for name, value in given.items()
        if value is not None and value != []
    }


def plain_value(value: Any) -> Any:
    """An option's value as the configuration takes it."""
    if isinstance(value, enum.StrEnum):
        return str(value)
    return tuple(value) if isinstance(value, list) else value


# Fields that have another name than their option.
_FIELDS = {"model": "models", "metric": "metrics"}
_OPTIONS = {
    *("data", "task", "decoder", "image_size", "pixels", "layers", "patch", "spacing", "window"),
    "patches",
    *("zoo", "model", "metric", "rank_by", "bootstrap", "samples", "batch_size", "steps"),
    *("repeats", "lr", "head", "norms", "dead_channels", "seed", "device", "precision", "threads"),
    *("offline", "trust_code", "allow_partial", "jobs", "timeout_per_model", "budget", "shard"),
    *("engine", "ray_address", "fresh"),
}
