"""The options of ``acrank choose``: what is ranked, raced, fine-tuned and judged, in which time."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from acrank.fields import (
    DATA,
    MANY,
    AllowPartial,
    Callbacks,
    DataKind,
    Decoder,
    Device,
    Engine,
    Export,
    GroupColumn,
    ImageSize,
    IntensityWindow,
    Jobs,
    Models,
    Offline,
    PatchSize,
    Precision,
    RayAddress,
    Seconds,
    Threads,
    TrustCode,
    VoxelSpacing,
    ZooFile,
    names,
    one_of,
)
from acrank.finetuning.catalogue import known_method
from acrank.metrics.registry import CONSENSUS, DEFAULT, known_metric
from acrank.tasks.registry import every_measure
from acrank.utils.described import Effect, Setting
from acrank.utils.settings import Settings

# Titles of options in the help.
LOOK, RACE, CHOICE = "Ranking", "Race", "Choice"
# Regimes that race unless others are named.
REGIMES = ("full", "head", "ac-norm", "bn-only")
# Below so many pixels the order of networks says little about that at their own size.
SMALLEST = 96
# Points within which arms count as equally good, by what is preferred.
TOLERANCES = {"accuracy": 0.25, "small": 1.0, "fast": 1.0}


def _measures() -> tuple[str, ...]:
    return tuple(measure.key for measure in every_measure() if measure.predicted)


class ChooseOptions(Settings):
    """The options of a choice, and of how it is carried out."""

    data: Annotated[
        str,
        Setting(
            "Training images: a folder of class folders, of images/ and masks/, or of volumes; a "
            "CSV file (path,label); a MedMNIST file; hfds/NAME; or demo. If it holds train/ and "
            "test/ (or val/), the latter is the test set.",
            DATA,
            Effect.CHOICE,
            metavar="DATA",
            decides=("finetune.data", "score.data"),
        ),
    ]
    task: DataKind = "auto"
    decoder: Decoder = "unet"
    image_size: ImageSize = None
    patch: PatchSize = None
    spacing: VoxelSpacing = None
    window: IntensityWindow = None
    zoo: ZooFile = None
    models: Models = ()
    test: Annotated[
        str | None,
        Setting(
            "Test images, on which the chosen network is judged at the end.",
            DATA,
            Effect.CHOICE,
            metavar="DATA",
            default="the data's own; without any, cross-validation",
            decides=("finetune.test",),
        ),
    ] = None
    val_share: Annotated[
        float,
        Field(gt=0, lt=1),
        Setting(
            "Share of --data that is kept back to compare arms on, stratified by class.",
            DATA,
            decides=("finetune.val_share",),
        ),
    ] = 0.25
    group_column: GroupColumn = None
    samples: Annotated[
        int | None,
        Field(ge=4),
        Setting(
            "Number of images of --data to use, stratified by class.",
            DATA,
            default="all",
            decides=("finetune.samples",),
        ),
    ] = None
    rank_by: Annotated[
        str,
        Setting(
            "Score that decides which candidates enter the race.",
            LOOK,
            Effect.RANKING,
            metavar="NAME",
            decides=("score.rank_by", "score.metrics"),
        ),
    ] = DEFAULT
    score_samples: Annotated[
        int,
        Field(ge=2),
        Setting(
            "Number of images on which candidates are scored.",
            LOOK,
            usual=lambda task: task.samples,
            decides=("score.samples",),
        ),
    ] = 256
    methods: Annotated[
        tuple[str, ...],
        Field(min_length=1),
        Setting(
            f"Regime to try: {', '.join(REGIMES)}, or another method of acrank finetune; "
            "repeatable. Models race in the first three ways; the best one is fine-tuned in all.",
            RACE,
            option="--method",
            metavar="NAME",
            decides=("finetune.method", "finetune.options"),
        ),
    ] = REGIMES
    lrs: Annotated[
        tuple[float, ...],
        Setting(
            "Learning rate to try in each regime; repeatable.",
            RACE,
            option="--lr",
            default="that of the method, and for full also a third of it",
            decides=("finetune.lr",),
        ),
    ] = ()
    entrants: Annotated[
        int,
        Field(ge=1),
        Setting(
            "Most models that enter the race; that of the best ImageNet accuracy and the largest "
            "are always among them.",
            RACE,
        ),
    ] = 8
    finalists: Annotated[
        int,
        Field(ge=2),
        Setting(
            "Most arms that are fine-tuned fully before the best model is in its other regimes and "
            "rates.",
            RACE,
        ),
    ] = 3
    race_size: Annotated[
        int,
        Field(ge=SMALLEST),
        Setting(
            "Height and width of images in the race, for networks whose own size is larger; full "
            "fine-tunings have each network's own size.",
            RACE,
        ),
    ] = 128
    epochs: Annotated[
        int,
        Field(ge=1),
        Setting("Epochs of the full fine-tuning.", RACE, decides=("finetune.epochs",)),
    ] = 30
    batch_size: Annotated[
        int,
        Field(ge=2),
        Setting(
            "Images, or patches of volumes, per batch.",
            RACE,
            usual=lambda task: task.batch_size,
            decides=("finetune.batch_size",),
        ),
    ] = 32
    measure: Annotated[
        str,
        one_of(_measures),
        Setting(
            "Measure that the race is about.",
            CHOICE,
            words=_measures,
            usual=lambda task: task.monitor,
            decides=("finetune.monitor",),
        ),
    ] = "balanced_accuracy"
    prefer: Annotated[
        Literal["accuracy", "small", "fast"],
        Setting(
            "Criterion for arms that are about equally good (--tolerance): the number of "
            "parameters or, for fast, the measured time of fine-tuning.",
            CHOICE,
        ),
    ] = "accuracy"
    tolerance: Annotated[
        float | None,
        Field(ge=0, le=100),
        Setting(
            "Points (hundredths of the measure) that count as about equally good.",
            CHOICE,
            metavar="POINTS",
            default="; ".join(f"{points:g} for {word}" for word, points in TOLERANCES.items()),
        ),
    ] = None
    folds: Annotated[
        int,
        Field(ge=0),
        Setting(
            "Folds of the cross-validation that judges the choice where there are no test images; "
            "0 for none.",
            CHOICE,
        ),
    ] = 3
    finetune: Annotated[
        dict[str, Any], Setting("Further settings of every fine-tuning.", RACE, option=None)
    ] = Field(default_factory=dict)
    score: Annotated[
        dict[str, Any], Setting("Further settings of the scoring.", LOOK, option=None)
    ] = Field(default_factory=dict)
    seed: Annotated[
        int,
        Field(ge=0, lt=2**32),
        Setting(
            "Seed of samples, splits, heads, batches and folds.",
            RACE,
            decides=("finetune.seed", "score.seed"),
        ),
    ] = 0
    budget: Annotated[
        Seconds | None,
        Setting(
            "Time for everything, for example 30m or 2h, over all calls that work on it.",
            MANY,
            Effect.CHOICE,
            metavar="TIME",
            default="none: the whole race",
        ),
    ] = None
    jobs: Jobs = None
    timeout: Annotated[
        Seconds | None,
        Setting(
            "Give up on a rung or a full fine-tuning of an arm after this time, for example 30m; "
            "arms then run in worker processes.",
            MANY,
            Effect.NOTHING,
            metavar="TIME",
        ),
    ] = None
    engine: Engine = "local"
    ray_address: RayAddress = None
    callbacks: Callbacks = ()
    export: Export = ()
    device: Device = "auto"
    precision: Precision = "auto"
    threads: Threads = None
    offline: Offline = False
    trust_code: TrustCode = False
    allow_partial: AllowPartial = False

    @field_validator("callbacks", "export", "methods", "models", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return names(value)

    @field_validator("methods")
    @classmethod
    def _are_methods(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(known_method(name) for name in value))

    @field_validator("lrs")
    @classmethod
    def _once_each(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(dict.fromkeys(value))

    @field_validator("rank_by")
    @classmethod
    def _is_metric(cls, value: str) -> str:
        return value if value == CONSENSUS else known_metric(value)

    @field_validator("folds")
    @classmethod
    def _are_folds(cls, value: int) -> int:
        if value == 1:
            raise ValueError("one fold trains on nothing; give 2 or more, or 0 for none")
        return value
