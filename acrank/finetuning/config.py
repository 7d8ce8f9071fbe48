"""The one description of a fine-tuning, for the command line and Python alike."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from acrank.errors import ConfigError
from acrank.finetuning.catalogue import (
    METHODS,
    check_options,
    known_method,
)
from acrank.tasks.registry import Task
from acrank.utils.fields import Patch, SpacingMm, Window, refuse_other_kind
from acrank.utils.settings import Settings, validated

Monitor = Literal[
    "accuracy", "balanced_accuracy", "macro_f1", "auroc", "dice", "iou", "hd95", "loss"
]


class FinetuneConfig(Settings):
    """What a fine-tuning does: all that its result depends on, and how it is carried out.

    Attributes:
        data: training images, as for scoring.
        task: ``classification``, ``segmentation``, or ``auto`` to read it off the data.
        decoder: on the encoder's feature maps, for segmentation.
        image_size: height and width that images and masks are stretched to, a multiple of 32, for
            segmentation.
        patch: voxels of a patch along each axis, multiples of 16, for volumes; None for 96, or what
            fits into the median volume.
        spacing: of the voxels that volumes are resampled to, in mm; None for the median of the
            training volumes.
        window: the lowest and the highest intensity of volumes that count, as for CT; None for
            percentiles of each volume.
        model: name of the backbone: of the zoo, or without one a timm name, ``hf-hub:`` or
            ``local-dir:``.
        zoo: where the backbone is listed.
        method: how to fine-tune; see :mod:`acrank.finetuning.methods`.
        options: of the method, by name.
        val: validation images; None splits a part off the training images.
        val_share: that part, stratified by class.
        test: images that the best weights are judged on at the end.
        samples: how many of the training images to use, stratified; None for all.
        epochs: passes over the training images.
        head_epochs: of these, how many train the head alone, at first.
        batch_size: images in a batch; for segmentation 8 unless it is set, patches of volumes 2.
        accumulate: batches whose gradients make one step.
        optimizer: of timm's; ``sgd`` has Nesterov momentum.
        lr: learning rate of the backbone at its highest; None takes that of the method.
        head_lr_factor: of the head's learning rate, relative to the backbone's.
        momentum: of SGD.
        weight_decay: of all weights but biases and norm affines.
        schedule: of the learning rate, after the warm-up.
        warmup: share of the steps in which the learning rate rises.
        label_smoothing: share of the target that is spread over all classes.
        class_weights: ``balanced`` weighs each class by the inverse of its frequency.
        augment: timm's training transform as it is, a light form of it, or none; for segmentation
            flips, turns, crops and brightness (``light``), or none; volumes are flipped from left
            to right, and their intensities vary.
        flip: whether augmentation may mirror images and volumes from left to right, which is wrong
            where classes are told by their side.
        ema: decay of averaged weights, which are then judged and kept; it rises to this with the
            steps s, as ``1 - s ** (-2 / 3)``. None for no averaging.
        patience: epochs without a better value of ``monitor`` before training ends; None for all.
        monitor: what chooses the best epoch, on the validation images; for segmentation ``dice``
            unless it is set.
        fold: keep the plain network that an AC-Norm network equals in inference.
        seed: of the split, the head, the order of images and their augmentation.
        device: where the network runs.
        precision: of the forward and backward pass.
        threads: CPU threads.
        offline: use no network.
        trust_code: allow a zoo entry that runs code of its own.
        allow_partial: take a checkpoint that fills less than half of its network, of a zoo entry
            with ``partial: true``.
    """

    data: str
    task: Literal["auto", "classification", "segmentation"] = "auto"
    decoder: Literal["unet", "fpn", "deeplabv3plus"] = "unet"
    image_size: int = Field(default=256, ge=32, multiple_of=32)
    patch: Patch | None = None
    spacing: SpacingMm | None = None
    window: Window | None = None
    model: str
    zoo: str | None = None
    method: str = "full"
    options: dict[str, float | int | str | bool] = Field(default_factory=dict)
    val: str | None = None
    val_share: float = Field(default=0.2, gt=0, lt=1)
    test: str | None = None
    samples: int | None = Field(default=None, ge=2)
    epochs: int = Field(default=30, ge=1)
    head_epochs: int = Field(default=0, ge=0)
    batch_size: int = Field(default=32, ge=2)
    accumulate: int = Field(default=1, ge=1)
    optimizer: Literal["sgd", "adamw"] = "sgd"
    lr: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    head_lr_factor: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=5e-4, ge=0, allow_inf_nan=False)
    schedule: Literal["cosine", "onecycle", "constant"] = "cosine"
    warmup: float = Field(default=0.1, ge=0, lt=1)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    class_weights: Literal["none", "balanced"] = "none"
    augment: Literal["timm", "light", "none"] = "light"
    flip: bool = True
    ema: float | None = Field(default=None, gt=0, lt=1)
    patience: int | None = Field(default=None, ge=1)
    monitor: Monitor = "balanced_accuracy"
    fold: bool = True
    seed: int = Field(default=0, ge=0, lt=2**32)
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: int | None = Field(default=None, ge=1)
    offline: bool = False
    trust_code: bool = False
    allow_partial: bool = False

    @field_validator("method")
    @classmethod
    def _is_method(cls, value: str) -> str:
        return known_method(value)

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.head_epochs >= self.epochs and self.head_epochs:
            raise ValueError("head_epochs must leave an epoch for the backbone")
        check_options(self.method, self.options)
        if self.augment == "none" and self.flip and "flip" in self.model_fields_set:
            raise ValueError("augment none leaves flips out, and flip asks for them")
        return self

    def for_task(self, task: Task) -> Self:
        """The same configuration, once it is known what the data are for.

        Args:
            task: of the data.

        Raises:
            ConfigError: a setting that the task has not.
        """
        refuse_other_kind(self, task.dimensions == 3)
        usual = {"batch_size": task.batch_size, "monitor": task.monitor}
        known = self.model_copy(update={"task": task.name, **task.left_unset(self, usual)})
        if known.monitor not in task.measure_keys:
            raise ConfigError(
                f"--monitor {known.monitor} is no measure of {task.name}.",
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
                f"--augment {self.augment} moves images without their masks.",
                hint=f"Use {' or '.join(task.augmentations)}.",
            )

    @property
    def highest_lr(self) -> float:
        """Learning rate of the backbone at its highest."""
        if self.lr is not None:
            return self.lr
        usual = METHODS[self.method].lr
        return usual if self.optimizer == "sgd" else usual / 10


# Settings that the result does not depend on, and those of where and in which precision it was
# computed: a folder keeps these as they were, not as they were asked for.
HOW = ("threads", "offline", "trust_code", "allow_partial", "device", "precision")


def make_finetune_config(settings: dict[str, Any]) -> FinetuneConfig:
    """Build the configuration of a fine-tuning.

    Raises:
        ConfigError: a field is unknown or its value out of range.
    """
    return validated(FinetuneConfig, settings)
