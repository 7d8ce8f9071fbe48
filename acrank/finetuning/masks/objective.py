"""Fine-tuning to find the class of every pixel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from acrank.data import Preprocessing
from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.inputs import Images
from acrank.finetuning.masks.batches import TrainingMasks, plain_masks
from acrank.finetuning.masks.cases import pictures_of, write_cases
from acrank.finetuning.masks.data import Masked, MaskedImages
from acrank.finetuning.masks.export import save_segmenter
from acrank.finetuning.masks.judge import JudgedMasks, judge_masks
from acrank.finetuning.network import Network
from acrank.finetuning.objective import Autocast, Batch, balanced_weights
from acrank.tasks.dense import DenseReadout
from acrank.zoo import Backbone

# Pixels of a class and an image that are feature vectors, where a method needs some.
PIXELS = 32


class PixelObjective:
    """What images with masks and volumes with labels share: network, loss, features of pixels.

    Args:
        config: of the fine-tuning.
        images: of it.
        preprocessing: of the backbone.
        device: where networks run.
        sides: of what networks are given.
    """

    def __init__(
        self,
        config: FinetuneConfig,
        images: Images,
        preprocessing: Preprocessing,
        device: torch.device,
        sides: tuple[int, ...],
    ) -> None:
        self.config = config
        self.preprocessing = preprocessing
        self.device = device
        training: Masked = images.training
        self.classes = training.classes
        self.task = DenseReadout(config.decoder, sides, PIXELS)
        balanced = config.class_weights == "balanced"
        counts = training.counts().sum(axis=0)
        self.weights = balanced_weights(counts).to(device) if balanced else None

    def network(self, backbone: Backbone) -> Network:
        """The encoder, which gives its feature maps, and a decoder on them."""
        self.task.prepare(backbone.model, self.preprocessing)
        size = (self.preprocessing.input_size[0], *self.task.size)
        with torch.no_grad():
            maps = self.task.features(backbone.model, torch.zeros(2, *size), None)
        head = self.task.head(maps, len(self.classes), self.config.seed, trial=0)
        return Network(backbone.model, head)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Dice and cross-entropy, weighed and smoothed as the configuration says.

        A batch in which all is to be ignored teaches nothing: its loss is zero.
        """
        if not bool((labels >= 0).any()):
            return (logits * 0.0).sum()
        return self.task.loss(logits, labels, self.weights, self.config.label_smoothing)

    def observe(self, features: Any, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Some pixels of each class and image, by the features of several scales."""
        seen, _ = self.task.observe(features.float(), labels, None, self.config.seed)
        return seen.features, seen.labels.to(seen.features.device)


class Segmenting(PixelObjective):
    """One class a pixel: a decoder, Dice and cross-entropy, overlaps in the images' own size.

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
        super().__init__(config, images, preprocessing, device, (config.image_size,) * 2)

    def augmented(self, images: MaskedImages) -> TrainingMasks:
        """See :class:`acrank.finetuning.masks.batches.TrainingMasks`."""
        config = self.config
        given = (config.batch_size, config.augment, config.seed, self.device, config.flip)
        return TrainingMasks(images.sample, self.preprocessing, *given)

    def plain(self, images: MaskedImages) -> Iterator[Batch]:
        """See :func:`acrank.finetuning.masks.batches.plain_masks`."""
        return plain_masks(images.sample, self.preprocessing, self.config.batch_size, self.device)

    def judge(
        self, network: Network, images: MaskedImages, autocast: Autocast
    ) -> JudgedMasks[MaskedImages]:
        """See :func:`acrank.finetuning.masks.judge.judge_masks`."""
        return judge_masks(network, images, self.plain(images), self.task.loss, autocast)

    def write(self, folder: Path, found: Mapping[str, Any], network: Network) -> None:
        """Tables of classes and images, and some images with both masks, to be drawn."""
        pictures = pictures_of(found["val"], network, self.preprocessing)
        write_cases(folder, found, pictures)

    def save(self, folder: Path, backbone: Backbone, network: Network) -> str:
        """See :func:`acrank.finetuning.masks.export.save_segmenter`."""
        geometry = {"image_size": self.config.image_size}
        given = (self.classes, self.config.decoder, self.task.size, geometry)
        return save_segmenter(folder, backbone, network, *given)
