"""The one description of a run, for the command line, YAML files and Python alike."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from acrank.errors import ConfigError
from acrank.fields import (
    DATA,
    MACHINE,
    MANY,
    ONE_MODEL,
    PIXELS,
    VOLUMES,
    AllowPartial,
    Callbacks,
    DataKind,
    Decoder,
    Device,
    Engine,
    ImageSize,
    IntensityWindow,
    Jobs,
    Offline,
    Patches,
    PatchSize,
    Precision,
    RayAddress,
    Seconds,
    Steps,
    Threads,
    TrustCode,
    VoxelSpacing,
    ZooFile,
    names,
    refuse_address,
    refuse_other_kind,
    refuse_size,
)
from acrank.metrics.registry import (
    AC_CORR,
    CONSENSUS,
    CONSENSUS_DEFAULT,
    DEFAULT,
    known_metric,
    metric_names,
    of_kind,
    refuse_foreign,
    resolve_metrics,
    with_parts,
)
from acrank.tasks.registry import Task, task_named
from acrank.utils.described import Effect, Setting
from acrank.utils.settings import (
    Settings,
    read_settings,
    unknown_setting,
    validated,
)

# Sections of a configuration file that other commands read.
SECTIONS = ("gate",)

# Titles of options in the help.
SCORES, SAMPLE, STEP = "Scores", "Sample", "AC-Norm step"
# Why a command that scores has no option for a setting.
_NO_FEATURES = {"explain": "it shows AC-Corr, and computes no scores of features"}
_ONE_ZOO = {**ONE_MODEL, "gate": "it judges a whole zoo, and a shard is a part of one"}
_ANEW = {"explain": "it always scores again, because kept results have no channels"}
_NAMED = {"explain": "its argument names the model"}


class RunConfig(Settings):
    """Everything a scoring run depends on, and how it is carried out."""

    data: Annotated[
        str,
        Setting(
            "Target dataset: a folder of class folders, of images/ and masks/, or of volumes; a "
            "CSV file (path,label); a MedMNIST file; hfds/NAME; or demo.",
            DATA,
            Effect.CHOICE,
            metavar="DATA",
        ),
    ]
    task: DataKind = "auto"
    zoo: ZooFile = None
    models: Annotated[
        tuple[str, ...],
        Setting(
            "Name or wildcard that selects models of the zoo, or of timm where no zoo is given; "
            "repeatable.",
            DATA,
            Effect.CHOICE,
            option="--model",
            metavar="NAME",
            of_features=True,
            not_for=_NAMED,
        ),
    ] = ()
    metrics: Annotated[
        tuple[str, ...],
        Setting(
            "Further scores to compute: NAME, NAME,NAME or all; repeatable. See docs/metrics.md.",
            SCORES,
            Effect.RANKING,
            option="--metric",
            metavar="NAME",
            of_features=True,
            not_for=_NO_FEATURES,
        ),
    ] = ()
    rank_by: Annotated[
        str,
        Setting(
            "Score to rank by, or consensus for the mean rank over the scores of --metric "
            f"({' and '.join(CONSENSUS_DEFAULT)} if none is named).",
            SCORES,
            Effect.RANKING,
            metavar="NAME",
            of_features=True,
            not_for=_NO_FEATURES,
        ),
    ] = DEFAULT
    bootstrap: Annotated[
        int,
        Field(ge=0),
        Setting(
            "Number of random parts of the sample on which feature scores are repeated, for their "
            "intervals; 0 for none.",
            SCORES,
            Effect.NUMBERS,
            of_features=True,
            not_for=_NO_FEATURES,
        ),
    ] = 50
    samples: Annotated[
        int,
        Field(ge=2),
        Setting(
            "Number of images to draw from the target, stratified by class.",
            SAMPLE,
            Effect.NUMBERS,
            usual=lambda task: task.samples,
        ),
    ] = 256
    batch_size: Annotated[
        int,
        Field(ge=2),
        Setting(
            "Images per batch; the sample is split into disjoint batches.",
            SAMPLE,
            usual=lambda task: task.batch_size,
        ),
    ] = 32
    steps: Annotated[
        Steps,
        Setting(
            "Training steps: 1 updates the norm affines once (see --repeats); more, or epoch for "
            "one pass over the sample, train the whole network.",
            STEP,
            metavar="N|epoch",
        ),
    ] = 1
    repeats: Annotated[
        int,
        Field(ge=0),
        Setting(
            "Number of AC-Norm trials, each with its own head, that AC-Corr and its interval come "
            "from: batches that a single step is taken on (at most all), or trainings of several "
            "steps; 0 for no AC-Corr, and half the time.",
            STEP,
        ),
    ] = 3
    step_images: Annotated[
        int | None,
        Field(ge=2),
        Setting(
            "Number of images that a single step is taken on; never more than a batch.",
            STEP,
            metavar="N",
            default="an eighth of the sample, at least 8",
        ),
    ] = None
    lr: Annotated[
        float,
        Field(gt=0, allow_inf_nan=False),
        Setting("Learning rate of the plain SGD step.", STEP),
    ] = 0.01
    head: Annotated[
        Literal["random", "ridge"],
        Setting(
            "Probe head: random, redrawn for each batch, or ridge regression fitted on the other "
            "half of the batch.",
            STEP,
        ),
    ] = "random"
    decoder: Decoder = "unet"
    image_size: ImageSize = None
    pixels: Annotated[
        int,
        Field(ge=2),
        Setting(
            "Number of pixels per class and image that feature scores use.",
            PIXELS,
            pixels=True,
            not_for=_NO_FEATURES,
        ),
    ] = 32
    layers: Annotated[
        tuple[str, ...],
        Setting(
            "Layers whose feature maps the feature scores use: NAME or NAME,NAME; repeatable.",
            PIXELS,
            metavar="NAME",
            default="the layers of three scales",
            pixels=True,
            not_for=_NO_FEATURES,
        ),
    ] = ()
    patch: PatchSize = None
    spacing: VoxelSpacing = None
    window: IntensityWindow = None
    patches: Annotated[
        Patches,
        Setting(
            "Number of patches per volume that feature scores use, or all for sliding windows over "
            "it; AC-Corr uses one.",
            VOLUMES,
            metavar="N|all",
            dimensions=3,
            not_for=_NO_FEATURES,
        ),
    ] = 1
    temperature: Annotated[
        float,
        Field(gt=0, allow_inf_nan=False),
        Setting("Temperature of the softmax in the affine correlation.", STEP),
    ] = 1.0
    norms: Annotated[
        Literal["batch", "affine", "mixed"],
        Setting(
            "Layers that AC-Corr covers: batch, BatchNorm alone; affine, also LayerNorm, GroupNorm "
            "and InstanceNorm in networks without BatchNorm, ranked separately; mixed, ranked in "
            "one list.",
            STEP,
        ),
    ] = "batch"
    dead_channels: Annotated[
        Literal["exclude", "keep"],
        Setting(
            "Exclude channels that pass no signal on from AC-Corr, or keep them as the authors' "
            "release does.",
            STEP,
        ),
    ] = "exclude"
    seed: Annotated[
        int,
        Field(ge=0, lt=2**32),
        Setting("Seed of the sample, the batches and the heads.", SAMPLE, of_features=True),
    ] = 0
    device: Device = "auto"
    precision: Precision = "auto"
    threads: Threads = None
    offline: Offline = False
    trust_code: TrustCode = False
    allow_partial: AllowPartial = False
    fresh: Annotated[
        bool,
        Setting(
            "Score every model again, even if the cache has its result.",
            MACHINE,
            Effect.NOTHING,
            not_for=_ANEW,
        ),
    ] = False
    jobs: Jobs = None
    timeout_per_model: Annotated[
        Seconds | None,
        Setting(
            "Give up on a model after this time, for example 90s or 10m; models run in worker "
            "processes.",
            MANY,
            Effect.NOTHING,
            metavar="TIME",
            not_for=ONE_MODEL,
        ),
    ] = None
    engine: Engine = "local"
    ray_address: RayAddress = None
    callbacks: Callbacks = ()
    shard: Annotated[
        str | None,
        Setting(
            "Score part I of N of the zoo; acrank merge combines the parts.",
            MANY,
            Effect.CHOICE,
            metavar="I/N",
            not_for=_ONE_ZOO,
        ),
    ] = None
    budget: Annotated[
        Seconds | None,
        Setting(
            "Time budget of the whole run, for example 10m or 1h; to keep to it, models are "
            "dropped early, on small samples.",
            MANY,
            Effect.RANKING,
            metavar="TIME",
            not_for=ONE_MODEL,
        ),
    ] = None

    @field_validator("shard")
    @classmethod
    def _is_shard(cls, value: str | None) -> str | None:
        match = re.fullmatch(r"(\d+)/(\d+)", value or "1/1")
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise ValueError("write it as I/N with I from 1 to N, for example 2/8")
        return value

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        refuse_address(self.engine, self.ray_address)
        if self.shard and self.budget:
            raise ValueError(
                "a budget compares all models with one another, but a shard has only some of them"
            )
        if self.repeats == 0:
            voting = self.metrics or CONSENSUS_DEFAULT
            ranked = resolve_metrics(voting if self.rank_by == CONSENSUS else (self.rank_by,))
            needy = [metric.name for metric in of_kind("affine", with_parts(ranked))]
            if needy:
                raise ValueError(f"to rank by {', '.join(needy)}, repeats must be 1 or more")
        return self

    _names = field_validator("metrics", "callbacks", mode="before")(names)

    @field_validator("layers", mode="before")
    @classmethod
    def _layer_names(cls, value: object) -> object:
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list | tuple) or not all(isinstance(v, str) for v in values):
            return value
        return tuple(name for text in values for part in text.split(",") if (name := part.strip()))

    @field_validator("metrics")
    @classmethod
    def _are_metrics(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return metric_names(value)

    @field_validator("rank_by")
    @classmethod
    def _is_metric(cls, value: str) -> str:
        return value if value == CONSENSUS else known_metric(value)

    @property
    def part(self) -> tuple[int, int]:
        """Return the number of this part of the zoo, from 0, and how many parts there are."""
        number, parts = (self.shard or "1/1").split("/")
        return int(number) - 1, int(parts)

    @property
    def norms_scored(self) -> Literal["batch", "affine"]:
        """Return the kind of layers that AC-Corr is computed from, whatever is ranked together."""
        return "batch" if self.norms == "batch" else "affine"

    @property
    def metrics_wanted(self) -> tuple[str, ...]:
        """Every score to report, each once, the forms of AC-Corr first."""
        return tuple(dict.fromkeys((*AC_CORR, *self.metrics_named)))

    @property
    def metrics_named(self) -> tuple[str, ...]:
        """The scores asked for: those that may vote in a consensus."""
        task = task_named(self.task).metrics
        if self.rank_by == CONSENSUS:
            return resolve_metrics(self.metrics or CONSENSUS_DEFAULT, task)
        return resolve_metrics((*self.metrics, self.rank_by), task)

    def for_task(self, task: Task) -> Self:
        """The same configuration, once it is known what the data are for.

        Args:
            task: task of the data.

        Raises:
            ConfigError: a setting or a metric that the task has not.
        """
        refuse_other_kind(self, task)
        known = self.model_copy(update={"task": task.name, **self.usual_for(task)})
        refuse_size(known, task)
        refuse_foreign(known.metrics_named, task.metrics)
        if self.head not in task.heads:
            raise ConfigError(
                f"--head {self.head} is a linear head on one feature vector an image.",
                hint=f"Leave it out for {task.name}.",
            )
        if task.whole_images and self.layers:
            raise ConfigError(
                "--layers names maps of a network for segmentation.",
                hint=f"Leave it out for {task.name}.",
            )
        return known


def read_run_file(file: Path) -> dict[str, Any]:
    """Read the configuration file of a run: fields of :class:`RunConfig`, and sections.

    Raises:
        ConfigError: it is unreadable, or has a field or a section that there is not.
    """
    stored = read_settings(file)
    known = (*RunConfig.model_fields, *SECTIONS)
    for name in stored:
        if name not in known:
            raise unknown_setting(str(name), known, f" (in '{file}')")
    return stored


def make_config(settings: dict[str, Any], file: Path | None = None) -> RunConfig:
    """Build the configuration of a run.

    Args:
        settings: fields given by the user; they win over those of the file.
        file: a YAML file with fields of :class:`RunConfig`.

    Raises:
        ConfigError: a field is unknown or its value out of range, or the file unreadable.
    """
    stored = read_run_file(file) if file else {}
    merged = {**{name: stored[name] for name in stored if name not in SECTIONS}, **settings}
    return validated(RunConfig, merged, file)
