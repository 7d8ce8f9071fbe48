"""The one description of a run, for the command line, YAML files and Python alike."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from acrank.errors import ConfigError
from acrank.metrics.registry import (
    AC_CORR,
    CLASSIFICATION,
    CONSENSUS,
    known_metric,
    metric_names,
    refuse_foreign,
    resolve_metrics,
)
from acrank.tasks.registry import Task
from acrank.utils.fields import (
    Patch,
    Patches,
    Seconds,
    SpacingMm,
    Steps,
    Window,
    refuse_other_kind,
)
from acrank.utils.settings import (
    Settings,
    read_settings,
    unknown_setting,
    validated,
)

# What a consensus is of where no metric is named.
CONSENSUS_DEFAULT = ("ac_corr", "log_me")

# How a run is carried out: what it finds does not depend on these.
HOW = (
    *("threads", "offline", "trust_code", "allow_partial", "fresh", "jobs", "timeout_per_model"),
    *("engine", "ray_address"),
)

# Sections of a configuration file that other commands read.
SECTIONS = ("gate",)


class RunConfig(Settings):
    """What a scoring run does: all that its result depends on, and how it is carried out.

    Attributes:
        data: target dataset: a folder of class folders, a CSV file (``path,label``),
            ``hfds/NAME`` or ``demo``.
        task: ``classification``, ``segmentation``, or ``auto`` to read it off the data.
        zoo: candidates: a zoo file, ``demo``, or ``default`` for the packaged list.
        models: names or wildcards; they select from the zoo, or from timm without a zoo.
        metrics: further scores to compute, by name, or ``all``.
        rank_by: the score that orders the table, or ``consensus`` for the mean rank by those in
            ``metrics`` (AC-Corr and LogME if none is named).
        bootstrap: on how many random parts of the sample the scores of features are repeated,
            for their intervals; 0 for none.
        samples: how many images of the target are drawn, stratified by class; for segmentation
            64 unless it is set, for volumes 32.
        batch_size: images in a batch; the sample is split into disjoint batches. For
            segmentation 8 unless it is set, for volumes 2.
        steps: 1 for one step of the norm affines on each batch; more, or ``epoch`` (one
            pass over the sample), to train the whole network.
        repeats: with several steps, how many times to train, each with its own order and
            head: intervals come from them. Ignored with one step.
        lr: learning rate of the plain SGD step.
        head: classifier over the target's classes: drawn at random for each batch, or a
            ridge regression fitted on the other half of the batch.
        temperature: of the affine correlation's softmax.
        decoder: on the encoder's feature maps, for segmentation.
        image_size: height and width of images and masks, a multiple of 32, for segmentation.
        pixels: how many pixels of a class and an image the scores of features see, for
            segmentation.
        layers: names of the layers whose maps the scores of features see, for segmentation; none
            for those of three scales.
        patch: voxels of a patch along each axis, multiples of 16, for volumes; axes go from left
            to right, back to front and foot to head. None for 96, or less where they are smaller.
        spacing: of the voxels that volumes are resampled to, in mm; None for their median.
        window: the lowest and the highest intensity of volumes that count, as for CT; None for
            percentiles of each.
        patches: of each volume that scores of features see; ``all`` for sliding windows over it.
            AC-Corr sees one, however many these are.
        norms: layers that AC-Corr is of: ``batch`` for BatchNorm alone; ``affine`` for LayerNorm,
            GroupNorm or InstanceNorm too, in networks without BatchNorm, which it does not rank
            in one list with the others; ``mixed`` does.
        dead_channels: leave dead channels out, or keep them as the authors' release does.
        seed: of the sample, the batches and the heads.
        device: where networks run; ``auto`` takes CUDA, then MPS, then the CPU.
        precision: of the forward and backward pass; ``auto`` takes bf16 where the hardware has
            it and fp32 elsewhere.
        threads: CPU threads; None for the physical cores, or fewer if the container may use fewer.
        offline: use no network.
        trust_code: allow zoo entries that run code of their own (``factory:``).
        allow_partial: take checkpoints that fill less than half of their network, of zoo entries
            with ``partial: true``.
        fresh: score again what the store has already.
        jobs: score so many models at a time, each in a worker process of its own; None for one
            after the other in this process.
        timeout_per_model: seconds after which a model is given up, in a worker process.
        engine: ``local`` for this machine, ``ray`` for a cluster.
        ray_address: of a running Ray cluster; None starts one on this machine for the run.
        shard: ``I/N``, the I-th of N parts of the zoo, to be merged later.
        budget: seconds for the whole run: models are dropped on small samples to keep to it.
    """

    data: str
    task: Literal["auto", "classification", "segmentation"] = "auto"
    zoo: str | None = Field(default=None, min_length=1)
    models: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    rank_by: str = "log_me"
    bootstrap: int = Field(default=50, ge=0)
    samples: int = Field(default=256, ge=2)
    batch_size: int = Field(default=32, ge=2)
    steps: Steps = 1
    repeats: int = Field(default=3, ge=1)
    lr: float = Field(default=0.01, gt=0, allow_inf_nan=False)
    head: Literal["random", "ridge"] = "random"
    decoder: Literal["unet", "fpn", "deeplabv3plus"] = "unet"
    image_size: int = Field(default=256, ge=32, multiple_of=32)
    pixels: int = Field(default=32, ge=2)
    layers: tuple[str, ...] = ()
    patch: Patch | None = None
    spacing: SpacingMm | None = None
    window: Window | None = None
    patches: Patches = 1
    temperature: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    norms: Literal["batch", "affine", "mixed"] = "batch"
    dead_channels: Literal["exclude", "keep"] = "exclude"
    seed: int = Field(default=0, ge=0, lt=2**32)
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: int | None = Field(default=None, ge=1)
    offline: bool = False
    trust_code: bool = False
    allow_partial: bool = False
    fresh: bool = False
    jobs: int | None = Field(default=None, ge=1)
    timeout_per_model: Seconds | None = None
    engine: Literal["local", "ray"] = "local"
    ray_address: str | None = None
    shard: str | None = None
    budget: Seconds | None = None

    @field_validator("shard")
    @classmethod
    def _is_shard(cls, value: str | None) -> str | None:
        match = re.fullmatch(r"(\d+)/(\d+)", value or "1/1")
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise ValueError("write it as I/N with I from 1 to N, for example 2/8")
        return value

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.ray_address and self.engine != "ray":
            raise ValueError("ray_address is for engine ray")
        if self.shard and self.budget:
            raise ValueError("a budget compares all models with one another; a shard has some")
        return self

    @field_validator("metrics", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

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
        """Which of how many parts of the zoo, counted from 0."""
        number, parts = (self.shard or "1/1").split("/")
        return int(number) - 1, int(parts)

    @property
    def norms_scored(self) -> Literal["batch", "affine"]:
        """Which layers AC-Corr is of, whatever is ranked with what."""
        return "batch" if self.norms == "batch" else "affine"

    @property
    def metrics_wanted(self) -> tuple[str, ...]:
        """Every score to report, each once, the forms of AC-Corr first."""
        return tuple(dict.fromkeys((*AC_CORR, *self.metrics_named)))

    @property
    def metrics_named(self) -> tuple[str, ...]:
        """The scores asked for: those that may vote in a consensus."""
        task = CLASSIFICATION if self.task == "auto" else self.task  # of data not looked at
        if self.rank_by == CONSENSUS:
            return resolve_metrics(self.metrics or CONSENSUS_DEFAULT, task)
        return resolve_metrics((*self.metrics, self.rank_by), task)

    def for_task(self, task: Task) -> Self:
        """The same configuration, once it is known what the data are for.

        Args:
            task: of the data.

        Raises:
            ConfigError: a setting or a metric that the task has not.
        """
        refuse_other_kind(self, task.dimensions == 3)
        usual = task.left_unset(self, {"samples": task.samples, "batch_size": task.batch_size})
        known = self.model_copy(update={"task": task.name, **usual})
        refuse_foreign(known.metrics_named, task.name)
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
