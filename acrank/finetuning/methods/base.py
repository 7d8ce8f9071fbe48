"""The base of all methods of fine-tuning: the steps of the training loop that they may change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from acrank.errors import ConfigError, NoNormError
from acrank.finetuning.network import Network
from acrank.finetuning.objective import Autocast
from acrank.norm.types import BATCH, KINDS, NormKind

# Images and labels of training batches, not augmented, in a fixed order.
PlainBatches = Callable[[], Iterable[tuple[Tensor, Tensor]]]
# Turns the features and labels of a batch into feature vectors (P, D) and classes (P,).
Observe = Callable[[Any, Tensor], tuple[Tensor, Tensor]]


def as_they_are(features: Any, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return features and labels as they are: one feature vector for each image."""
    return features, labels


@dataclass(frozen=True)
class Start:
    """The network and data that a method may look at before the first step.

    Attributes:
        network: pretrained backbone and new head, on its device.
        batches: function that yields the training images, not augmented.
        classes: number of target classes K.
        source_head: the source's classifier, from features to logits; None if it has none.
        autocast: context of a forward pass in training.
        observe: function that gives feature vectors and classes where pixels have labels.
    """

    network: Network
    batches: PlainBatches
    classes: int
    source_head: nn.Module | None
    autocast: Autocast
    observe: Observe = as_they_are


class Method:
    """A method of fine-tuning; this base trains everything, without a penalty.

    A subclass says what is replaced and what is trained (:meth:`prepare`), what is added to the
    loss (:meth:`penalty`), and how the network is set for training (:meth:`train_mode`).
    """

    # Where the penalty holds the weights itself, the optimiser's decay would count twice.
    decays_weights = True

    def prepare(self, start: Start) -> None:
        """Change the network and remember what is needed, before there is an optimiser."""

    def train_mode(self, network: Network) -> None:
        """Set the network for a training step."""
        network.train()

    def penalty(
        self, network: Network, images: Tensor, features: Tensor, labels: Tensor
    ) -> Tensor | None:
        """Return the penalty that a step adds to the task's loss; None for no penalty.

        Args:
            network: network in training mode, after its forward pass.
            images: images of the batch, (N, C, H, W).
            features: features of the batch, (N, D), with their graph; the coarsest maps, pooled.
            labels: labels, int64 (N,) or (N, H, W).
        """
        return None

    def extra_modules(self) -> dict[str, nn.Module]:
        """Return modules beside the network that are trained with it and belong to its state."""
        return {}

    def finish(self, network: Network, *, fold: bool) -> None:
        """Turn the network into the one to save: a plain one if ``fold``."""


def norm_kinds(norms: str) -> tuple[NormKind, ...]:
    """Return the kinds of normalisation layers that a method takes.

    Args:
        norms: ``batch`` for BatchNorm, ``affine`` for all layers with a scale and shift a channel.

    Raises:
        ConfigError: it is another word.
    """
    if norms not in ("batch", "affine"):
        raise ConfigError(f"norms is {norms!r}.", hint="It is batch or affine.")
    return BATCH if norms == "batch" else KINDS


def no_norms(what: str, norms: str) -> NoNormError:
    """Make the error for a network without the layers that a method needs.

    Args:
        what: consequence for the method, for the message.
        norms: kinds of layers of the method.
    """
    if norms == "batch":
        hint = "--norms affine takes LayerNorm, GroupNorm and InstanceNorm too."
        return NoNormError(f"no BatchNorm layer with affine parameters: {what}.", hint=hint)
    return NoNormError(f"no norm layer with a scale and a shift a channel: {what}.")


def freeze(module: nn.Module) -> None:
    """Freeze all parameters of a module."""
    for parameter in module.parameters():
        parameter.requires_grad_(False)


def set_bn_mode(module: nn.Module, *, training: bool) -> None:
    """Set every BatchNorm layer to use batch statistics, or its running ones."""
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.train(training)


def squared_distance(pairs: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """Sum the squared Euclidean distances of pairs of tensors."""
    terms = [(one - other).pow(2).sum() for one, other in pairs]
    return torch.stack(terms).sum() if terms else torch.zeros(())
