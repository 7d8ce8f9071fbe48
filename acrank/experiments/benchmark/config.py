"""The description of an experiment."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from acrank.errors import ConfigError
from acrank.finetuning.catalogue import METHODS
from acrank.finetuning.config import FinetuneConfig
from acrank.metrics.registry import metric_names
from acrank.tasks.registry import Task
from acrank.utils.fields import GEOMETRY, Patch, Seconds, SpacingMm, Window, given
from acrank.utils.settings import Settings, validated

Measure = Literal["accuracy", "balanced_accuracy", "macro_f1", "auroc", "dice", "iou"]
MEASURE_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "dice": "Dice",
    "iou": "IoU",
}
# Settings of fine-tuning and of scoring that an experiment has itself, and under what name.
OWN = {
    "finetune": {
        **{"data": "data", "task": "task", "test": "data", "model": "models", "zoo": "zoo"},
        **{"method": "method", "options": "options", "epochs": "epochs", "seed": "seeds"},
        **{"batch_size": "batch_size", "lr": "lrs", "device": "device", "offline": "offline"},
        **{"trust_code": "trust_code", "threads": "threads"},
    },
    "score": {
        **{"data": "data", "task": "task", "zoo": "zoo", "models": "models", "jobs": "jobs"},
        **{"metrics": "metrics", "timeout_per_model": "timeout", "threads": "threads"},
        **{"device": "device", "offline": "offline", "trust_code": "trust_code"},
    },
}


class TransferConfig(Settings):
    """What an experiment does.

    Attributes:
        data: datasets with files: folders of class folders or CSV files, or else folders of
            images and masks, or else of volumes and labels. One with a ``test`` or ``val`` folder
            beside its ``train`` is tested on that; of others a part is kept back.
        task: ``classification``, ``segmentation``, or ``auto`` to read it off the data.
        decoder: on the encoders' feature maps, for segmentation.
        image_size: height and width of images and masks, a multiple of 32, for segmentation.
        patch: voxels of a patch along each axis, multiples of 16, for volumes; None for 96, or what
            fits into the median training volume.
        spacing: of the voxels that volumes are resampled to, in mm; None for the median of the
            training volumes.
        window: the lowest and the highest intensity of volumes that count, as for CT; None for
            percentiles of each volume.
        norms: layers that AC-Corr is of, and that methods about norms train: see
            :class:`acrank.config.RunConfig`; methods take ``mixed`` for ``affine``.
        zoo: the candidates, as for scoring.
        models: names or wildcards; they select from the zoo.
        method: of fine-tuning.
        options: of the method.
        seeds: how many fine-tunings of each model, from seed 0 on.
        lrs: learning rates to try with seed 0; the best on validation images is used for all
            seeds. Empty for the method's usual one.
        epochs: of each fine-tuning.
        batch_size: of fine-tuning; for segmentation 8 unless it is set, patches of volumes 2.
        samples: training images of each dataset, drawn stratified; None for all.
        test_share: what is kept back of a dataset without test images.
        measure: on the test images: what scores are to predict; for segmentation the mean
            ``dice`` of the foreground unless it is set.
        metrics: to compute, by name, or ``all``.
        score_samples: images that models are scored on, of the training images; for segmentation
            64 unless it is set, for volumes 32.
        finetune: further settings of every fine-tuning.
        score: further settings of every scoring.
        jobs: fine-tunings at a time, each in a process of its own.
        timeout: seconds after which a fine-tuning is given up.
        threads: CPU threads, divided between the jobs.
        device: where networks run.
        offline: use no network.
        trust_code: allow zoo entries that run code of their own.
        keep_weights: keep the weights of every fine-tuning.
    """

    data: tuple[str, ...] = Field(min_length=1)
    task: Literal["auto", "classification", "segmentation"] = "auto"
    decoder: Literal["unet", "fpn", "deeplabv3plus"] = "unet"
    image_size: int = Field(default=256, ge=32, multiple_of=32)
    patch: Patch | None = None
    spacing: SpacingMm | None = None
    window: Window | None = None
    norms: Literal["batch", "affine", "mixed"] = "batch"
    zoo: str | None = None
    models: tuple[str, ...] = ()
    method: str = "full"
    options: dict[str, float | int | str | bool] = Field(default_factory=dict)
    seeds: int = Field(default=3, ge=1)
    lrs: tuple[float, ...] = ()
    epochs: int = Field(default=20, ge=1)
    batch_size: int = Field(default=32, ge=2)
    samples: int | None = Field(default=None, ge=4)
    test_share: float = Field(default=0.3, gt=0, lt=1)
    measure: Measure = "accuracy"
    metrics: tuple[str, ...] = ("all",)
    score_samples: int = Field(default=256, ge=2)
    finetune: dict[str, Any] = Field(default_factory=dict)
    score: dict[str, Any] = Field(default_factory=dict)
    jobs: int = Field(default=1, ge=1)
    timeout: Seconds | None = None
    threads: int | None = Field(default=None, ge=1)
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    offline: bool = False
    trust_code: bool = False
    keep_weights: bool = False

    @field_validator("metrics")
    @classmethod
    def _are_metrics(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return metric_names(value)

    @model_validator(mode="after")
    def _can_be_tuned(self) -> Self:
        for part, own in OWN.items():
            for name in own.keys() & getattr(self, part).keys():
                raise ValueError(f"{part}.{name} is the experiment's own: set {own[name]} instead")
        self.finetuning(data="x", model="x", seed=0, lr=(self.lrs or (None,))[0])
        return self

    def for_task(self, task: Task) -> Self:
        """The same configuration, once it is known what the datasets are for.

        Args:
            task: of all datasets.

        Raises:
            ConfigError: a setting that the task has not.
        """
        predicted = [measure.key for measure in task.predicted]
        usual = {
            "measure": predicted[0],
            "batch_size": task.batch_size,
            "score_samples": task.samples,
        }
        known = self.model_copy(update={"task": task.name, **task.left_unset(self, usual)})
        if known.measure not in predicted:
            raise ConfigError(
                f"--measure {known.measure} is no measure of {task.name} that scores can predict.",
                hint=f"There are {', '.join(predicted)}.",
            )
        known.finetuning(data="x", model="x", seed=0, lr=None).for_task(task)
        return known

    def finetuning(
        self, *, data: str, model: str, seed: int, lr: float | None, test: str | None = None
    ) -> FinetuneConfig:
        """The configuration of one fine-tuning."""
        return FinetuneConfig(
            **{
                "monitor": self.measure,
                **given(self, ("decoder", *GEOMETRY)),
                **self.finetune,
                "data": data,
                "task": self.task,
                "test": test,
                "model": model,
                "zoo": self.zoo,
                "method": self.method,
                "options": {**self._norm_options, **self.options},
                "epochs": self.epochs,
                "batch_size": self.batch_size,
                "seed": seed,
                "lr": lr,
                "device": self.device,
                "offline": self.offline,
                "trust_code": self.trust_code,
            }
        )

    @property
    def _norm_options(self) -> dict[str, str]:
        """Layers of the method, if it is about norms; unsaid they are its own usual ones."""
        known = METHODS[self.method].options if self.method in METHODS else ()
        return {"norms": "affine"} if self.norms != "batch" and "norms" in known else {}


def make_transfer_config(settings: dict[str, Any]) -> TransferConfig:
    """Build the configuration of an experiment.

    Raises:
        ConfigError: a field is unknown or its value out of range.
    """
    return validated(TransferConfig, settings)
