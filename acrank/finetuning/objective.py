"""What a fine-tuning is for: its network, batches, loss, measures and what it leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from acrank.errors import ModelError
from acrank.finetuning.network import Network
from acrank.zoo import Backbone

Batch = tuple[Tensor, Tensor]
# Images with their labels, as the objective's task has them.
Dataset = Any
Autocast = Callable[[], Any]


class NotFiniteError(ModelError):
    """A network gave numbers that are not finite."""


def require_finite(numbers: Tensor) -> None:
    """Refuse outputs of a network that are not finite.

    Args:
        numbers: of any shape.

    Raises:
        NotFiniteError: one of them is not.
    """
    if not bool(torch.isfinite(numbers).all()):
        raise NotFiniteError("The network's outputs are not finite.")


class Batches(Protocol):
    """Training batches, the same for a seed and an epoch whatever came before."""

    @property
    def sizes(self) -> list[int]:
        """Images in each batch."""
        ...

    def epoch(self, number: int) -> Iterator[Batch]:
        """Images and labels of an epoch, numbered from 0 on."""
        ...


class Judgement(Protocol):
    """What a network said of some images."""

    def measures(self) -> dict[str, float]:
        """Numbers by name, ``loss`` among them."""
        ...


class Objective(Protocol):
    """All of a fine-tuning that depends on what the labels are of."""

    def network(self, backbone: Backbone) -> Network:
        """The backbone with a fresh head.

        Raises:
            ModelError: it does not give what the head takes.
        """
        ...

    def augmented(self, images: Dataset) -> Batches:
        """Batches to train on."""
        ...

    def plain(self, images: Dataset) -> Iterator[Batch]:
        """All images in order, prepared as for inference."""
        ...

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """What a step lowers."""
        ...

    def observe(self, features: Any, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Feature vectors (P, D) and their classes (P,), of what the backbone gives."""
        ...

    def judge(self, network: Network, images: Dataset, autocast: Autocast) -> Judgement:
        """Run the network in inference mode over images.

        Raises:
            NotFiniteError: it gives something that is not finite.
        """
        ...

    def write(self, folder: Path, found: Mapping[str, Any], network: Network) -> None:
        """Write what was found on each part of the images, beyond its measures.

        Args:
            folder: exists.
            found: judgements of the network by part, ``test`` last if it is there.
            network: plain, on its device.
        """
        ...

    def save(self, folder: Path, backbone: Backbone, network: Network) -> str:
        """Write the weights, on the CPU; returns why timm cannot load them, if it cannot."""
        ...


def balanced_weights(counts: np.ndarray[Any, np.dtype[np.int64]]) -> Tensor:
    """Weights of classes by the inverse of their frequency, (K,), mean 1 over what is counted.

    Args:
        counts: of each class, (K,).
    """
    present = np.count_nonzero(counts)
    return torch.from_numpy(counts.sum() / (present * counts.clip(min=1))).float()
