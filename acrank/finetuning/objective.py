"""The base of all objectives: network, batches, loss, measures and files of one task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from acrank.data import Preprocessing
from acrank.errors import ModelError
from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.jackknife import Values
from acrank.finetuning.network import Network
from acrank.finetuning.split import Rows
from acrank.zoo import Backbone

Batch = tuple[Tensor, Tensor]
# Gives the context of a forward pass: reduced precision, or none.
Autocast = Callable[[], AbstractContextManager[object]]


class NotFiniteError(ModelError):
    """A network gave numbers that are not finite."""


def require_finite(numbers: Tensor) -> None:
    """Refuse outputs of a network that are not finite.

    Args:
        numbers: numbers of any shape.

    Raises:
        NotFiniteError: one of them is not.
    """
    if not bool(torch.isfinite(numbers).all()):
        raise NotFiniteError("The network's outputs are not finite.")


@dataclass(frozen=True)
class Batching:
    """The settings of training batches.

    Attributes:
        preprocessing: preprocessing of the network.
        batch_size: images in a batch.
        augment: augmentation; ``none`` leaves images as they are.
        seed: seed of the order and of the augmentation.
        device: device of the batches.
        flip: True if augmentation mirrors images from left to right.
    """

    preprocessing: Preprocessing
    batch_size: int
    augment: str
    seed: int
    device: torch.device
    flip: bool = True


class Batches(Protocol):
    """Training batches, fixed by the seed and the number of the epoch."""

    @property
    def sizes(self) -> list[int]:
        """The number of images in each batch."""
        ...

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield images and labels of an epoch, numbered from 0 on."""
        ...


class Judgement(Protocol):
    """The outputs of a network for images, and their measures."""

    def measures(self) -> dict[str, float]:
        """Return numbers by name, ``loss`` among them."""
        ...

    def each(self, measure: str) -> Values:
        """Return what each image says of a measure, (N,), higher better.

        These are the jackknife's pseudo-values (:mod:`acrank.finetuning.jackknife`): their mean is
        the measure, negated where lower is better, and their standard error is the measure's. All
        are NaN where the measure is not defined.
        """
        ...


class LabelledData(Protocol):
    """Images with their labels, as a task has them."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The ids of the images."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        ...

    @property
    def digests(self) -> tuple[str, ...]:
        """A hash of each image's bytes, without its labels."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """Plain sentences for the user."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash of all images and labels."""
        ...

    def __len__(self) -> int: ...

    def subset(self, rows: Rows) -> Self:
        """Return the images of some rows."""
        ...


Data = TypeVar("Data", bound=LabelledData)
Judged = TypeVar("Judged", bound=Judgement)


class Objective(ABC, Generic[Data, Judged]):
    """The network, batches, loss, measures and files of a fine-tuning for one task.

    Args:
        config: configuration of the fine-tuning.
        training: the training images.
        preprocessing: preprocessing of the backbone.
        device: device of the networks.

    Attributes:
        classes: names of the classes.
        weights: weights of the classes in the loss, (K,); None for equal ones.
    """

    def __init__(
        self,
        config: FinetuneConfig,
        training: Data,
        preprocessing: Preprocessing,
        device: torch.device,
    ) -> None:
        self.config, self.training = config, training
        self.preprocessing, self.device = preprocessing, device
        self.classes = training.classes
        balanced = config.class_weights == "balanced"
        self.weights = balanced_weights(self.counts()).to(device) if balanced else None

    @property
    def input_size(self) -> tuple[int, ...]:
        """The channels and the pixels along each axis of what the network takes."""
        return tuple(self.preprocessing.input_size)

    @property
    def batching(self) -> Batching:
        """The settings of training batches."""
        config = self.config
        return Batching(
            self.preprocessing,
            config.batch_size,
            config.augment,
            config.seed,
            self.device,
            config.flip,
        )

    @abstractmethod
    def counts(self) -> Rows:
        """Count the training images, or their pixels, of each class, (K,)."""

    @abstractmethod
    def network(self, backbone: Backbone) -> Network:
        """Put a fresh head on the backbone.

        Raises:
            ModelError: it does not give what the head takes.
        """

    @abstractmethod
    def augmented(self, images: Data) -> Batches:
        """Make batches to train on."""

    @abstractmethod
    def plain(self, images: Data) -> Iterator[Batch]:
        """Yield all images in order, prepared as for inference."""

    @abstractmethod
    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Compute the loss of a batch."""

    @abstractmethod
    def observe(self, features: Any, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Turn the backbone's features into vectors (P, D) and their classes (P,)."""

    @abstractmethod
    def judge(self, network: nn.Module, images: Data, autocast: Autocast) -> Judged:
        """Run the network in inference mode over images.

        Raises:
            NotFiniteError: it gives something that is not finite.
        """

    @abstractmethod
    def write(self, folder: Path, found: Mapping[str, Judged], network: Network) -> None:
        """Write the results on each part of the images, beyond the measures.

        Args:
            folder: folder that exists.
            found: judgements of the network by part, ``test`` last if it is there.
            network: plain network on its device.
        """

    @abstractmethod
    def save(self, folder: Path, backbone: Backbone, network: Network) -> str:
        """Write the weights, on the CPU; return why timm cannot load them, if it cannot."""


def balanced_weights(counts: Rows) -> Tensor:
    """Weigh classes by the inverse of their frequency, (K,), with mean 1 over all counted.

    Args:
        counts: count of each class, (K,).
    """
    present = np.count_nonzero(counts)
    return torch.from_numpy(counts.sum() / (present * counts.clip(min=1))).float()
