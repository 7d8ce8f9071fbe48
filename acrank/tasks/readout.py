"""The readout of a network for a task: features, the head on them, loss, observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from acrank.data import Preprocessing

# What a network gives a head: one vector an image (N, D), or maps (N, C, ...) of several scales.
Features = TypeVar("Features")


@dataclass(frozen=True)
class Observations:
    """Observations of a batch for metrics of features: one row per image, or one per pixel.

    Attributes:
        features: (P, D).
        labels: int64 (P,), classes of the target.
        images: int64 (P,), the image of the batch that each row is of.
        widths: channels of each scale that the features are put together from; they sum to D.
        layers: of the network that those are of; empty where they have no names.
        boundary: whether a row is of a pixel that was drawn from a boundary, bool (P,); None
            where none were asked for.
        added: whether a row is for scores of boundaries alone, bool (P,); likewise.
    """

    features: Tensor
    labels: Tensor
    images: Tensor
    widths: tuple[int, ...]
    layers: tuple[str, ...] = ()
    boundary: Tensor | None = None
    added: Tensor | None = None


class Readout(Protocol[Features]):
    """Decides what networks give, the head on it, the loss, and what metrics of features see."""

    def prepare(self, model: nn.Module, preprocessing: Preprocessing) -> None:
        """Make a loaded backbone give what the head takes, in place.

        Raises:
            ModelError: it cannot.
        """
        ...

    def features(self, model: nn.Module, images: Tensor, autocast: torch.dtype | None) -> Features:
        """The features of a batch, in full precision whatever the network computes in.

        Raises:
            ModelError: the network gives something else.
        """
        ...

    def evaluate(self, model: nn.Module, images: Tensor, autocast: torch.dtype | None) -> Features:
        """The features of a batch in eval mode, without gradients, in parts if that is faster.

        Raises:
            ModelError: the network gives something else.
        """
        ...

    def head(self, features: Features, classes: int, seed: int, trial: int) -> nn.Module:
        """A fresh head from features to logits, the same on every device."""
        ...

    def loss(
        self,
        logits: Tensor,
        labels: Tensor,
        weights: Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> Tensor:
        """Compute the loss that a step of training lowers.

        Args:
            logits: of the head.
            labels: classes of the target.
            weights: of the classes in the cross-entropy, (K,); None for equal ones.
            label_smoothing: share of the target that is spread over all classes there.
        """
        ...

    def observe(
        self,
        features: Features,
        labels: Tensor,
        head: nn.Module | None,
        seed: int,
        edges: Tensor | None = None,
    ) -> tuple[Observations, Tensor | None]:
        """Return observations for metrics, and probabilities over source classes (P, K) or None.

        Args:
            features: of a batch.
            labels: of the batch.
            head: the source's classifier, from features to logits; None if it has none.
            seed: of what is drawn from the batch; the same for all models.
            edges: labels on the boundaries of masks, below zero elsewhere, like ``labels``, where
                scores of boundaries are asked for.
        """
        ...
