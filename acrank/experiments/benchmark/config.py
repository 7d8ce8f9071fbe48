"""The configuration of an experiment and of the fine-tunings and scorings in it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from acrank.config import RunConfig, make_config
from acrank.errors import ConfigError
from acrank.fields import (
    DATA,
    MANY,
    Callbacks,
    DataKind,
    Decoder,
    Device,
    Engine,
    GroupColumn,
    ImageSize,
    IntensityWindow,
    Models,
    Offline,
    PatchSize,
    RayAddress,
    Seconds,
    Threads,
    TrustCode,
    VoxelSpacing,
    ZooFile,
    names,
    one_of,
    refuse_address,
)
from acrank.finetuning.catalogue import METHODS, OWN
from acrank.finetuning.config import FinetuneConfig, make_finetune_config
from acrank.metrics.registry import metric_names
from acrank.tasks.registry import Task, every_measure
from acrank.utils.described import Effect, Setting, decided, described, given
from acrank.utils.settings import Settings, validated


def _measures() -> tuple[str, ...]:
    return tuple(measure.key for measure in every_measure() if measure.predicted)


# The parts of an experiment and what each is described by.
PARTS: dict[str, type[Settings]] = {"finetune": FinetuneConfig, "score": RunConfig}

# Titles of options in the help.
TUNING, SCORING = "Fine-tuning", "Scoring"


class BenchmarkConfig(Settings):
    """Everything that an experiment does, and how it is carried out."""

    data: Annotated[
        tuple[str, ...],
        Field(min_length=1),
        Setting(
            "Dataset: a folder of class folders, of images/ and masks/, or of volumes, or a CSV "
            "file; if it holds train/ and test/ (or val/), the latter is the test set; repeatable.",
            DATA,
            Effect.CHOICE,
            metavar="DATA",
            decides=("finetune.data", "finetune.test", "score.data"),
        ),
    ]
    task: DataKind = "auto"
    decoder: Decoder = "unet"
    image_size: ImageSize = None
    patch: PatchSize = None
    spacing: VoxelSpacing = None
    window: IntensityWindow = None
    norms: Annotated[
        Literal["batch", "affine", "mixed"],
        Setting(
            "Layers that AC-Corr, ac-norm and bn-only cover: batch, BatchNorm alone; affine, also "
            "LayerNorm and the like in networks without BatchNorm, compared separately; mixed, "
            "compared with the others.",
            SCORING,
        ),
    ] = "batch"
    zoo: ZooFile = None
    models: Models = ()
    method: Annotated[
        str,
        Setting(
            f"Fine-tuning method: {', '.join(OWN)}.",
            TUNING,
            metavar="NAME",
            decides=("finetune.method",),
        ),
    ] = "full"
    options: Annotated[
        dict[str, float | int | str | bool],
        Setting(
            "Options of the method, by name.", TUNING, option=None, decides=("finetune.options",)
        ),
    ] = Field(default_factory=dict)
    seeds: Annotated[
        int,
        Field(ge=1),
        Setting(
            "Number of fine-tunings of each model, with the seeds 0, 1 and so on.",
            TUNING,
            decides=("finetune.seed",),
        ),
    ] = 3
    lrs: Annotated[
        tuple[float, ...],
        Setting(
            "Learning rate to try with the first seed; the best on validation images is used for "
            "all; repeatable.",
            TUNING,
            option="--lr",
            default="that of the method",
            decides=("finetune.lr",),
        ),
    ] = ()
    epochs: Annotated[
        int,
        Field(ge=1),
        Setting("Epochs of each fine-tuning.", TUNING, decides=("finetune.epochs",)),
    ] = 20
    batch_size: Annotated[
        int,
        Field(ge=2),
        Setting(
            "Images, or patches of volumes, per batch.",
            TUNING,
            usual=lambda task: task.batch_size,
            decides=("finetune.batch_size",),
        ),
    ] = 32
    samples: Annotated[
        int | None,
        Field(ge=4),
        Setting(
            "Number of training images of each dataset, stratified by class.", DATA, default="all"
        ),
    ] = None
    test_share: Annotated[
        float,
        Field(gt=0, lt=1),
        Setting("Share of a dataset that is held out for testing if it has no test images.", DATA),
    ] = 0.3
    group_column: GroupColumn = None
    measure: Annotated[
        str,
        one_of(_measures),
        Setting(
            "Measure on the test images that scores should predict.",
            SCORING,
            words=_measures,
            usual=lambda task: task.predicted[0].key,
        ),
    ] = "accuracy"
    metrics: Annotated[
        tuple[str, ...],
        Setting(
            "Scores to compute: NAME, NAME,NAME or all; repeatable.",
            SCORING,
            Effect.RANKING,
            option="--metric",
            metavar="NAME",
            decides=("score.metrics",),
        ),
    ] = ("all",)
    score_samples: Annotated[
        int,
        Field(ge=2),
        Setting(
            "Number of training images on which models are scored.",
            SCORING,
            usual=lambda task: task.samples,
        ),
    ] = 256
    finetune: Annotated[
        dict[str, Any], Setting("Further settings of every fine-tuning.", TUNING, option=None)
    ] = Field(default_factory=dict)
    score: Annotated[
        dict[str, Any], Setting("Further settings of every scoring.", SCORING, option=None)
    ] = Field(default_factory=dict)
    jobs: Annotated[
        int | None,
        Field(ge=1),
        Setting(
            "Number of fine-tunings to run at a time, each in its own process.",
            MANY,
            Effect.NOTHING,
            default="1, or on a Ray cluster as many as it has room for",
            decides=("score.jobs",),
        ),
    ] = None
    timeout: Annotated[
        Seconds | None,
        Setting(
            "Give up on a fine-tuning after this time, for example 30m or 2h.",
            MANY,
            Effect.NOTHING,
            metavar="TIME",
            decides=("score.timeout_per_model",),
        ),
    ] = None
    engine: Engine = "local"
    ray_address: RayAddress = None
    callbacks: Callbacks = ()
    threads: Threads = None
    device: Device = "auto"
    offline: Offline = False
    trust_code: TrustCode = False
    keep_weights: Annotated[
        bool, Setting("Keep the weights of every fine-tuning.", MANY, Effect.NOTHING)
    ] = False

    _names = field_validator("metrics", "callbacks", mode="before")(names)

    @field_validator("metrics")
    @classmethod
    def _are_metrics(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return metric_names(value)

    @model_validator(mode="after")
    def _can_be_tuned(self) -> Self:
        refuse_address(self.engine, self.ray_address)
        for part in PARTS:
            own = decided(BenchmarkConfig, part, PARTS[part])
            for name in own.keys() & getattr(self, part).keys():
                raise ValueError(f"{part}.{name} is the experiment's own: set {own[name]} instead")
        self.finetuning(data="x", model="x", seed=0, lr=(self.lrs or (None,))[0])
        self.scoring(data="x")
        return self

    def for_task(self, task: Task) -> Self:
        """Return the configuration for the task of the datasets.

        Args:
            task: task of all datasets.

        Raises:
            ConfigError: a setting that the task has not.
        """
        predicted = [measure.key for measure in task.predicted]
        known = self.model_copy(update={"task": task.name, **self.usual_for(task)})
        if known.measure not in predicted:
            raise ConfigError(
                f"--measure {known.measure} is not a measure of {task.name} that scores can "
                "predict.",
                hint=f"Choose one of {', '.join(predicted)}.",
            )
        known.finetuning(data="x", model="x", seed=0, lr=None).for_task(task)
        return known

    def finetuning(
        self, *, data: str, model: str, seed: int, lr: float | None, test: str | None = None
    ) -> FinetuneConfig:
        """Return the configuration of one fine-tuning."""
        this = {"data": data, "test": test, "model": model, "seed": seed, "lr": lr}
        options = {**self._norm_options, **self.options}
        settings = {"monitor": self.measure, **self._of_task, **self.finetune}
        settings |= {**self._own("finetune"), **this, "options": options}
        return make_finetune_config(settings)

    def scoring(self, data: str) -> RunConfig:
        """Return the configuration of one scoring."""
        usual = {"samples": self.score_samples, "norms": self.norms}
        settings = {**usual, **self._of_task, **self.score, **self._own("score"), "data": data}
        settings["jobs"] = self.at_a_time
        return make_config({name: value for name, value in settings.items() if value is not None})

    @property
    def at_a_time(self) -> int | None:
        """Return how many models run at a time; None for as many as a cluster has room for."""
        return self.jobs or (1 if self.engine == "local" else None)

    def _own(self, part: str) -> dict[str, Any]:
        """Return the settings that the experiment decides for a part, by the part's fields."""
        own = decided(BenchmarkConfig, part, PARTS[part])
        return {name: getattr(self, field) for name, field in own.items()}

    @property
    def _of_task(self) -> dict[str, Any]:
        """The settings for some tasks alone that the user has set; both parts take them."""
        about = described(BenchmarkConfig)
        return given(self, [name for name, setting in about.items() if setting.of_some_data])

    @property
    def _norm_options(self) -> dict[str, str]:
        """The option of a method for norm layers, where the user asks for more than BatchNorm."""
        known = METHODS[self.method].options if self.method in METHODS else ()
        return {"norms": "affine"} if self.norms != "batch" and "norms" in known else {}


def make_benchmark_config(settings: dict[str, Any]) -> BenchmarkConfig:
    """Build the configuration of an experiment.

    Raises:
        ConfigError: a field is unknown or its value out of range.
    """
    return validated(BenchmarkConfig, settings)
