"""Fine-tuning to classify images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from acrank.data import Preprocessing, Sample
from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.evaluate import Judged, judge
from acrank.finetuning.export import save_network
from acrank.finetuning.images import TrainingImages, plain_batches
from acrank.finetuning.inputs import Images
from acrank.finetuning.network import Network, build_network
from acrank.finetuning.objective import Autocast, Batch, balanced_weights
from acrank.tasks.pooled import PooledReadout
from acrank.utils.files import write_whole
from acrank.utils.serialise import csv_text
from acrank.zoo import Backbone

CONFUSION = "confusion.csv"


class Classifying:
    """One class an image: a linear head, cross-entropy, accuracies and a confusion matrix.

    Args:
        config: of the fine-tuning.
        images: of it.
        preprocessing: of the backbone.
        device: where networks run.
    """

    def __init__(
        self,
        config: FinetuneConfig,
        images: Images,
        preprocessing: Preprocessing,
        device: torch.device,
    ) -> None:
        self.config = config
        self.classes = images.training.classes
        self.preprocessing = preprocessing
        self.device = device
        self.task = PooledReadout()
        balanced = config.class_weights == "balanced"
        counts = np.bincount(images.training.labels, minlength=len(self.classes))
        self.weights = balanced_weights(counts).to(device) if balanced else None

    def network(self, backbone: Backbone) -> Network:
        """See :func:`acrank.finetuning.network.build_network`."""
        return build_network(backbone, len(self.classes), self.config.seed)

    def augmented(self, images: Sample) -> TrainingImages:
        """See :class:`acrank.finetuning.images.TrainingImages`."""
        config = self.config
        given = (config.batch_size, config.augment, config.seed, self.device, config.flip)
        return TrainingImages(images, self.preprocessing, *given)

    def plain(self, images: Sample) -> Iterator[Batch]:
        """See :func:`acrank.finetuning.images.plain_batches`."""
        return plain_batches(images, self.preprocessing, self.config.batch_size, self.device)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy, as weighed and smoothed as the configuration says."""
        return self.task.loss(logits, labels, self.weights, self.config.label_smoothing)

    def observe(self, features: Any, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Features and labels as they are."""
        seen, _ = self.task.observe(features, labels, None, self.config.seed)
        return seen.features, seen.labels

    def judge(self, network: Network, images: Sample, autocast: Autocast) -> Judged:
        """See :func:`acrank.finetuning.evaluate.judge`."""
        return judge(network, self.plain(images), autocast)

    def write(self, folder: Path, found: Mapping[str, Any], network: Network) -> None:
        """The confusion matrix of the test images, or else of the validation images."""
        last: Judged = [*found.values()][-1]
        write_whole(folder / CONFUSION, _confusion_csv(last, self.classes))

    def save(self, folder: Path, backbone: Backbone, network: Network) -> str:
        """See :func:`acrank.finetuning.export.save_network`."""
        return save_network(folder, backbone, network, self.classes)


def _confusion_csv(judged: Judged, classes: tuple[str, ...]) -> str:
    """Rows are true classes, columns what they were taken for."""
    columns = ("true", *(f"said {name}" for name in classes))
    counts = judged.confusion().tolist()
    rows = (
        dict(zip(columns, (name, *row), strict=True))
        for name, row in zip(classes, counts, strict=True)
    )
    return csv_text(columns, rows)
