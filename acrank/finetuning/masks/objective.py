"""Fine-tune networks that find the class of every pixel."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from acrank.data.images import Opening
from acrank.data.summary import in_words
from acrank.errors import DataError
from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.export import WEIGHTS
from acrank.finetuning.masks.batches import TrainingMasks, plain_masks
from acrank.finetuning.masks.cases import pictures_of, write_cases
from acrank.finetuning.masks.data import Masked, MaskedImages, open_masks, rarest_classes
from acrank.finetuning.masks.export import DECODER, SEGMENTER, save_segmenter
from acrank.finetuning.masks.judge import JudgedMasks, judge_masks
from acrank.finetuning.masks.overlap import require_overlaps
from acrank.finetuning.network import Network
from acrank.finetuning.notices import Held, Wording, listed
from acrank.finetuning.objective import Autocast, Batch, Objective
from acrank.finetuning.split import Rows
from acrank.finetuning.trained import Finished, Trained
from acrank.finetuning.tuning import Tuning
from acrank.tasks.dense import DenseReadout
from acrank.zoo import Backbone

# Number of pixels of each class and image that are feature vectors, where a method needs some.
PIXELS = 32

AnyMasked = TypeVar("AnyMasked", bound=Masked)


class PixelObjective(Objective[AnyMasked, JudgedMasks[AnyMasked]]):
    """The objective that images with masks and volumes share: network, loss, features of pixels."""

    @property
    @abstractmethod
    def sides(self) -> tuple[int, ...]:
        """The pixels along each axis of the images or patches that networks take."""

    @property
    @abstractmethod
    def geometry(self) -> dict[str, Any]:
        """The settings that prepare images or volumes for the network, for its description."""

    @cached_property
    def readout(self) -> DenseReadout:
        """The decoder on feature maps."""
        return DenseReadout(self.config.decoder, self.sides, PIXELS)

    @property
    def input_size(self) -> tuple[int, ...]:
        """The channels, and the pixels along each axis after ``network`` has been made."""
        return (self.preprocessing.input_size[0], *self.readout.size)

    def counts(self) -> Rows:
        """Count the pixels of each class in all training masks."""
        counts: Rows = self.training.counts().sum(axis=0)
        return counts

    def network(self, backbone: Backbone) -> Network:
        """Build the encoder, which gives its feature maps, and a decoder on them."""
        self.readout.prepare(backbone.model, self.preprocessing)
        with torch.no_grad():
            maps = self.readout.features(backbone.model, torch.zeros(2, *self.input_size), None)
        head = self.readout.head(maps, len(self.classes), self.config.seed, trial=0)
        return Network(backbone.model, head)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Compute Dice loss plus cross-entropy, weighed and smoothed by the configuration.

        A batch whose pixels are all to be ignored has a loss of 0.
        """
        if not bool((labels >= 0).any()):
            return (logits * 0.0).sum()
        return self.readout.loss(logits, labels, self.weights, self.config.label_smoothing)

    def observe(self, features: Any, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Draw some pixels of each class and image, with the features of several scales."""
        seen, _ = self.readout.observe(features.float(), labels, None, self.config.seed)
        return seen.features, seen.labels.to(seen.features.device)

    def save(self, folder: Path, backbone: Backbone, network: Network) -> str:
        """See :func:`acrank.finetuning.masks.export.save_segmenter`."""
        return save_segmenter(
            folder,
            backbone,
            network,
            classes=self.classes,
            decoder=self.config.decoder,
            size=self.readout.size,
            geometry=self.geometry,
        )


def side_of(config: FinetuneConfig) -> int:
    """Return the height and width to which images and masks are stretched."""
    if config.image_size is None:
        raise RuntimeError("the configuration is not yet one for masks")
    return config.image_size


class Segmenting(PixelObjective[MaskedImages]):
    """The objective of one class for each pixel, judged by overlaps in the images' own size."""

    @property
    def sides(self) -> tuple[int, ...]:
        """The height and width of the images."""
        return (side_of(self.config),) * 2

    def augmented(self, images: MaskedImages) -> TrainingMasks:
        """See :class:`acrank.finetuning.masks.batches.TrainingMasks`."""
        return TrainingMasks(images.sample, self.batching)

    def plain(self, images: MaskedImages) -> Iterator[Batch]:
        """See :func:`acrank.finetuning.masks.batches.plain_masks`."""
        return plain_masks(images.sample, self.preprocessing, self.config.batch_size, self.device)

    def judge(
        self, network: nn.Module, images: MaskedImages, autocast: Autocast
    ) -> JudgedMasks[MaskedImages]:
        """See :func:`acrank.finetuning.masks.judge.judge_masks`."""
        return judge_masks(network, images, self.plain(images), self.readout.loss, autocast)

    def write(
        self, folder: Path, found: Mapping[str, JudgedMasks[MaskedImages]], network: Network
    ) -> None:
        """Write tables of classes and images, and some images with both masks for figures."""
        pictures = pictures_of(found["val"], network, self.preprocessing)
        write_cases(folder, found, pictures)

    @property
    def geometry(self) -> dict[str, Any]:
        """The height and width that images are stretched to."""
        return {"image_size": self.config.image_size}


class PixelTuning(Tuning[AnyMasked, JudgedMasks[AnyMasked]]):
    """Fine-tuning on images with masks, or volumes with labels."""

    wording = Wording("images", "no {} mask holds {}", "Dice, IoU and HD95")
    files = (WEIGHTS, DECODER, "config.json", SEGMENTER)
    things = "images with masks"

    def require(self, config: FinetuneConfig) -> None:
        """Refuse at once if the libraries of decoders or of overlaps are missing."""
        super().require(config)
        require_overlaps()

    def read(
        self, config: FinetuneConfig, spec: str, like: AnyMasked | None, option: str
    ) -> tuple[AnyMasked, str]:
        """Read images with masks, and say how many hold each class."""
        found = self.opened(config, spec, config.samples if like is None else None, like)
        held = (found.counts() > 0).sum(axis=0).tolist()
        images = f"{len(found)} {self.things}"
        return found, in_words(found.classes, held, len(found.classes), images)

    @abstractmethod
    def opened(
        self, config: FinetuneConfig, spec: str, samples: int | None, like: AnyMasked | None
    ) -> AnyMasked:
        """Read a number of images with masks; None for all."""

    def classes_apart(self, images: AnyMasked) -> Rows:
        """See :func:`acrank.finetuning.masks.data.rarest_classes`."""
        return rarest_classes(images)

    def held(self, images: AnyMasked) -> Held:
        """Tell for each class if a mask holds it."""
        return images.held()

    def is_defined(self, measure: str, validation: Held, training: AnyMasked) -> bool:
        """Tell if a measure is defined: overlaps need a mask with some foreground."""
        return bool(validation[list(training.foreground)].any()) or measure == "loss"

    def absent(self, training: AnyMasked) -> list[str]:
        """Say which classes no training mask holds.

        Raises:
            DataError: the training masks hold a single class.
        """
        held = np.flatnonzero(training.counts().sum(axis=0)).tolist()
        if len(held) < 2:
            raise DataError(
                "The training masks hold a single class.", hint="Use more images (--samples)."
            )
        absent = [name for label, name in enumerate(training.classes) if label not in held]
        return [f"no training mask holds {listed(absent)}"] if absent else []

    def trained(self, finished: Finished) -> Trained:
        """Load the segmenter, of images or of patches of volumes."""
        from acrank.finetuning.masks.load import load_segmenter

        segmenter = load_segmenter(finished.folder, trust_code=finished.trust_code)
        return segmenter.trained((WEIGHTS, DECODER))


class MaskTuning(PixelTuning[MaskedImages]):
    """Fine-tuning on images with masks."""

    key = "masks"
    make = Segmenting

    def opened(
        self, config: FinetuneConfig, spec: str, samples: int | None, like: MaskedImages | None
    ) -> MaskedImages:
        """See :func:`acrank.finetuning.masks.data.open_masks`."""
        how = Opening(config.offline, config.window)
        return open_masks(spec, samples, config.seed, side_of(config), like, how)


TUNING = MaskTuning()
