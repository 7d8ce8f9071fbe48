"""Fine-tune networks that classify images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from acrank.data import Sample, open_target, whole_sample
from acrank.data.summary import summary
from acrank.errors import DataError
from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.evaluate import JudgedClasses, judge
from acrank.finetuning.export import WEIGHTS, save_network
from acrank.finetuning.images import TrainingImages, plain_batches
from acrank.finetuning.network import Network, build_network
from acrank.finetuning.notices import Held, Wording
from acrank.finetuning.objective import Autocast, Batch, Objective
from acrank.finetuning.split import Rows
from acrank.finetuning.trained import Finished, Trained
from acrank.finetuning.tuning import Tuning
from acrank.tasks.pooled import PooledReadout
from acrank.utils.files import write_whole
from acrank.utils.serialise import csv_text
from acrank.zoo import Backbone

CONFUSION = "confusion.csv"


class Classifying(Objective[Sample, JudgedClasses]):
    """The objective of one class for each image: linear head, cross-entropy and accuracies."""

    readout = PooledReadout()

    def counts(self) -> Rows:
        """Count the training images of each class."""
        return np.bincount(self.training.labels, minlength=len(self.classes))

    def network(self, backbone: Backbone) -> Network:
        """See :func:`acrank.finetuning.network.build_network`."""
        return build_network(backbone, len(self.classes), self.config.seed)

    def augmented(self, images: Sample) -> TrainingImages:
        """See :class:`acrank.finetuning.images.TrainingImages`."""
        return TrainingImages(images, self.batching)

    def plain(self, images: Sample) -> Iterator[Batch]:
        """See :func:`acrank.finetuning.images.plain_batches`."""
        return plain_batches(images, self.preprocessing, self.config.batch_size, self.device)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Compute the cross-entropy, weighed and smoothed by the configuration."""
        return self.readout.loss(logits, labels, self.weights, self.config.label_smoothing)

    def observe(self, features: Any, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and labels as they are."""
        seen, _ = self.readout.observe(features, labels, None, self.config.seed)
        return seen.features, seen.labels

    def judge(self, network: nn.Module, images: Sample, autocast: Autocast) -> JudgedClasses:
        """See :func:`acrank.finetuning.evaluate.judge`."""
        return judge(network, self.plain(images), autocast)

    def write(self, folder: Path, found: Mapping[str, JudgedClasses], network: Network) -> None:
        """Write the confusion matrix of the test images, or else of the validation images."""
        last = [*found.values()][-1]
        write_whole(folder / CONFUSION, _confusion_csv(last, self.classes))

    def save(self, folder: Path, backbone: Backbone, network: Network) -> str:
        """See :func:`acrank.finetuning.export.save_network`."""
        return save_network(folder, backbone, network, self.classes)


def _confusion_csv(judged: JudgedClasses, classes: tuple[str, ...]) -> str:
    """Write the confusion matrix as CSV, with true classes as rows."""
    columns = ("true", *(f"said {name}" for name in classes))
    counts = judged.confusion().tolist()
    rows = (
        dict(zip(columns, (name, *row), strict=True))
        for name, row in zip(classes, counts, strict=True)
    )
    return csv_text(columns, rows)


class ClassTuning(Tuning[Sample, JudgedClasses]):
    """Fine-tuning on images with one class each."""

    key = "classification"
    wording = Wording("images", "no {} image is of {}", "balanced accuracy and AUROC")
    files = (WEIGHTS, "config.json")
    make = Classifying

    def read(
        self, config: FinetuneConfig, spec: str, like: Sample | None, option: str
    ) -> tuple[Sample, str]:
        """Read all images of a dataset, or for training a stratified part, as one batch."""
        target = open_target(
            spec, offline=config.offline, window=config.window, group_column=config.group_column
        )
        sample = whole_sample(target, config.samples if like is None else None, config.seed)
        said = summary(sample, target)
        return sample if like is None else _with_classes(sample, like.classes, option), said

    def classes_apart(self, images: Sample) -> Rows:
        """Return the class of each image."""
        return images.labels

    def groups(self, images: Sample) -> tuple[str | None, ...]:
        """Return the groups that a table has named."""
        return images.groups

    def held(self, images: Sample) -> Held:
        """Tell for each class if an image is of it."""
        return np.bincount(images.labels, minlength=len(images.classes)) > 0

    def is_defined(self, measure: str, validation: Held, training: Sample) -> bool:
        """Tell if a measure is defined: all but the AUROC are, which needs two classes."""
        return bool(validation.sum() > 1) or measure != "auroc"

    def trained(self, finished: Finished) -> Trained:
        """See :func:`acrank.finetuning.load.load_classifier`."""
        from acrank.finetuning.load import load_classifier  # which asks tunings such as this one

        return load_classifier(finished)


TUNING = ClassTuning()


def _with_classes(sample: Sample, classes: tuple[str, ...], option: str) -> Sample:
    """Label the images by the training images' classes.

    Raises:
        DataError: the images have another class.
    """
    unknown = [name for name in sample.classes if name not in classes]
    if unknown:
        raise DataError(
            f"{option} has the class {unknown[0]!r}, which the training images do not have.",
            hint=f"They have: {', '.join(classes)}.",
        )
    return sample.with_classes(classes)
