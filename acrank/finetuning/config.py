"""The configuration of a fine-tuning, for the command line and Python alike."""

from __future__ import annotations

from itertools import accumulate
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from acrank.errors import ConfigError
from acrank.fields import (
    DATA,
    AllowPartial,
    DataKind,
    Decoder,
    Device,
    Export,
    GroupColumn,
    ImageSize,
    IntensityWindow,
    Offline,
    PatchSize,
    Precision,
    Threads,
    TrustCode,
    VoxelSpacing,
    one_of,
    refuse_other_kind,
    refuse_size,
)
from acrank.finetuning.catalogue import (
    METHODS,
    OWN,
    check_options,
    known_method,
    usual_rates,
)
from acrank.tasks.registry import Task, every_measure
from acrank.utils.described import Effect, Setting
from acrank.utils.settings import Settings, validated
from acrank.zoo.sources.registry import MODEL


def _measures() -> tuple[str, ...]:
    keys = [measure.key for measure in every_measure()]
    return tuple(sorted(keys, key=lambda key: key == "loss"))  # which all tasks have, last


# Titles of options in the help.
METHOD, TRAINING, BEST = "Method", "Training", "Best epoch"


class FinetuneConfig(Settings):
    """Everything a fine-tuning depends on, and how it is carried out."""

    data: Annotated[
        str,
        Setting(
            "Training images: a folder of class folders, of images/ and masks/, or of volumes; a "
            "CSV file (path,label); a MedMNIST file; hfds/NAME; or demo.",
            DATA,
            Effect.CHOICE,
            metavar="DATA",
        ),
    ]
    task: DataKind = "auto"
    decoder: Decoder = "unet"
    image_size: ImageSize = None
    patch: PatchSize = None
    spacing: VoxelSpacing = None
    window: IntensityWindow = None
    model: Annotated[
        str,
        Setting(
            f"Backbone: a name in the zoo; without --zoo {MODEL}.",
            DATA,
            metavar="NAME",
        ),
    ]
    zoo: Annotated[
        str | None,
        Setting(
            "Zoo that lists the backbone: a zoo file, default or demo.",
            DATA,
            Effect.CHOICE,
            metavar="FILE|demo",
        ),
    ] = None
    method: Annotated[
        str, Setting(f"Fine-tuning method: {', '.join(OWN)}.", METHOD, metavar="NAME")
    ] = "full"
    options: Annotated[
        dict[str, float | int | str | bool],
        Setting("Options of the method, by name.", METHOD, option=None),
    ] = Field(default_factory=dict)
    val: Annotated[
        str | None,
        Setting(
            "Validation images.", DATA, Effect.CHOICE, metavar="DATA", default="split off --data"
        ),
    ] = None
    val_share: Annotated[
        float,
        Field(gt=0, lt=1),
        Setting("Share of --data to split off for validation, stratified by class.", DATA),
    ] = 0.2
    test: Annotated[
        str | None,
        Setting(
            "Test images, on which the best weights are evaluated at the end.",
            DATA,
            Effect.CHOICE,
            metavar="DATA",
        ),
    ] = None
    samples: Annotated[
        int | None,
        Field(ge=2),
        Setting("Number of images of --data to use, stratified by class.", DATA, default="all"),
    ] = None
    group_column: GroupColumn = None
    epochs: Annotated[int, Field(ge=1), Setting("Passes over the training images.", TRAINING)] = 30
    cycles: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...],
        Setting(
            "Epochs of each cycle of the learning rate, which restarts after each (SGDR, "
            "Loshchilov and Hutter 2017); repeatable. They add up to --epochs.",
            TRAINING,
            option="--cycle",
            default="a single one",
        ),
    ] = ()
    head_epochs: Annotated[
        int,
        Field(ge=0),
        Setting("Number of epochs at the start that train only the head.", TRAINING),
    ] = 0
    batch_size: Annotated[
        int,
        Field(ge=2),
        Setting(
            "Images, or patches of volumes, per batch.",
            TRAINING,
            usual=lambda task: task.batch_size,
        ),
    ] = 32
    accumulate: Annotated[
        int,
        Field(ge=1),
        Setting("Number of batches whose gradients are accumulated for one step.", TRAINING),
    ] = 1
    optimizer: Annotated[
        Literal["sgd", "adamw"], Setting("SGD with Nesterov momentum, or AdamW.", TRAINING)
    ] = "sgd"
    lr: Annotated[
        float | None,
        Field(gt=0, allow_inf_nan=False),
        Setting(
            "Highest learning rate of the backbone.",
            TRAINING,
            default=f"that of the method: {usual_rates()}; a tenth of that for AdamW",
        ),
    ] = None
    head_lr_factor: Annotated[
        float,
        Field(gt=0, allow_inf_nan=False),
        Setting("Learning rate of the head, relative to that of the backbone.", TRAINING),
    ] = 10.0
    momentum: Annotated[float, Field(ge=0, lt=1), Setting("Momentum of SGD.", TRAINING)] = 0.9
    weight_decay: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False),
        Setting("Weight decay of all weights except biases and norm affines.", TRAINING),
    ] = 5e-4
    schedule: Annotated[
        Literal["cosine", "onecycle", "constant"],
        Setting("Learning rate schedule after the warm-up.", TRAINING),
    ] = "cosine"
    warmup: Annotated[
        float,
        Field(ge=0, lt=1),
        Setting("Share of the steps over which the learning rate warms up.", TRAINING),
    ] = 0.1
    label_smoothing: Annotated[
        float,
        Field(ge=0, lt=1),
        Setting("Share of the target probability that is spread over all classes.", TRAINING),
    ] = 0.0
    class_weights: Annotated[
        Literal["none", "balanced"],
        Setting(
            "Class weights in the loss; balanced weights classes by their inverse frequency.",
            TRAINING,
        ),
    ] = "none"
    augment: Annotated[
        Literal["timm", "light", "none"],
        Setting(
            "Augmentation of training images: timm's, a light form of it (with masks: flips, "
            "rotations, crops and brightness), or none.",
            TRAINING,
        ),
    ] = "light"
    flip: Annotated[
        bool,
        Setting(
            "Let augmentation mirror images and volumes from left to right; this is wrong if "
            "classes differ by side.",
            TRAINING,
        ),
    ] = True
    ema: Annotated[
        float | None,
        Field(gt=0, lt=1),
        Setting(
            "Decay of an exponential moving average of the weights, which is then evaluated and "
            "kept; it rises to this value with the steps s as 1 - s ** (-2 / 3).",
            BEST,
            default="no averaging",
        ),
    ] = None
    patience: Annotated[
        int | None,
        Field(ge=1),
        Setting("Stop early after N epochs without a better value of --monitor.", BEST),
    ] = None
    monitor: Annotated[
        str,
        one_of(_measures),
        Setting(
            "Measure on the validation images that selects the best epoch.",
            BEST,
            words=_measures,
            usual=lambda task: task.monitor,
        ),
    ] = "balanced_accuracy"
    fold: Annotated[
        bool,
        Setting(
            "Save AC-Norm layers as the plain layers to which they are equal in inference.", METHOD
        ),
    ] = True
    seed: Annotated[
        int,
        Field(ge=0, lt=2**32),
        Setting("Seed of the split, the head, the order of images and augmentation.", TRAINING),
    ] = 0
    device: Device = "auto"
    precision: Precision = "auto"
    threads: Threads = None
    offline: Offline = False
    trust_code: TrustCode = False
    allow_partial: AllowPartial = False
    export: Export = ()

    @field_validator("method")
    @classmethod
    def _is_method(cls, value: str) -> str:
        return known_method(value)

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        self._fit_cycles()
        if self.head_epochs >= self.epochs and self.head_epochs:
            raise ValueError("head_epochs must leave an epoch for the backbone")
        check_options(self.method, self.options)
        if self.augment == "none" and self.flip and "flip" in self.model_fields_set:
            raise ValueError("augment none leaves flips out, and flip asks for them")
        return self

    def _fit_cycles(self) -> None:
        """Set the epochs to those of all cycles, or refuse other ones.

        Raises:
            ValueError: the cycles do not go with another setting.
        """
        if not self.cycles:
            return
        if "epochs" not in self.model_fields_set:
            self.__dict__["epochs"] = sum(self.cycles)  # assigned, it would count as set
        if self.epochs != sum(self.cycles):
            raise ValueError(
                f"the cycles have {sum(self.cycles)} epochs together, and epochs is {self.epochs}"
            )
        if self.schedule != "cosine":
            raise ValueError(f"cycles restart the cosine schedule, and schedule is {self.schedule}")
        if self.head_epochs >= self.cycles[0]:
            raise ValueError(
                f"head_epochs is {self.head_epochs}, and the first cycle must be longer"
            )

    def cycle_of(self, epoch: int) -> tuple[int, int]:
        """Find the epochs over which the learning rate runs through its schedule once.

        Args:
            epoch: number of an epoch after those of the head alone, from 0 on.

        Returns:
            The first of these epochs, and the one after the last of them.
        """
        ends = tuple(accumulate(self.cycles)) or (self.epochs,)
        starts = (self.head_epochs, *ends[:-1])
        return next(cycle for cycle in zip(starts, ends, strict=True) if epoch < cycle[1])

    def for_task(self, task: Task) -> Self:
        """Return the configuration for the task of the data.

        Args:
            task: task of the data.

        Raises:
            ConfigError: a setting that the task has not.
        """
        refuse_other_kind(self, task)
        known = self.model_copy(update={"task": task.name, **self.usual_for(task)})
        refuse_size(known, task)
        if known.monitor not in task.measure_keys:
            raise ConfigError(
                f"--monitor {known.monitor} is not a measure of {task.name}.",
                hint=f"It has {', '.join(task.measure_keys)}.",
            )
        known._require_defined(task)
        return known

    def _require_defined(self, task: Task) -> None:
        """Refuse a method or an augmentation that is not defined for a task."""
        if not task.whole_images and not METHODS[self.method].masks:
            raise ConfigError(
                f"{self.method} needs a source classifier of the same kind as the target's, and "
                "that of a backbone is of whole images, not of pixels.",
                hint=f"With masks there are {', '.join(n for n, e in METHODS.items() if e.masks)}.",
            )
        if self.augment not in task.augmentations:
            raise ConfigError(
                f"--augment {self.augment} transforms images without their masks.",
                hint=f"Use {' or '.join(task.augmentations)}.",
            )

    @property
    def highest_lr(self) -> float:
        """The highest learning rate of the backbone."""
        if self.lr is not None:
            return self.lr
        usual = METHODS[self.method].lr
        return usual if self.optimizer == "sgd" else usual / 10


def make_finetune_config(settings: dict[str, Any]) -> FinetuneConfig:
    """Build the configuration of a fine-tuning.

    Raises:
        ConfigError: a field is unknown or its value out of range.
    """
    return validated(FinetuneConfig, settings)
