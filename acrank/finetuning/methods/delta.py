"""Fine-tune by DELTA: hold feature maps near the source's, useful channels the most."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.hooks import RemovableHandle

from acrank.errors import ConfigError, ModelError
from acrank.finetuning.methods.base import Method, Observe, Start, as_they_are
from acrank.finetuning.network import Network, frozen_copy, squared_norm
from acrank.finetuning.objective import require_finite

# Feature maps of so many last resolutions are held.
STAGES = 4
# Where pixels have labels, maps count as if they had so many positions: the coarsest at 224 pixels.
POSITIONS = 7 * 7


def behaviour(
    maps: Tensor, source: Tensor, attention: Tensor, *, positions: int | None = None
) -> Tensor:
    """Compute the distance of feature maps from the source's, channels weighed by attention.

    Mean over images of ``sum_j attention_j * |maps_j - source_j|^2``; Li, Xiong, Wang, Rao, Liu,
    Chen and Huan, "DELTA: DEep Learning Transfer using Feature Map with Attention", ICLR 2019
    (arXiv 1901.09229), equations 4 and 5.

    Args:
        maps: (N, C, ...).
        source: feature maps of the pretrained network on the same images, in the same shape.
        attention: weight of each channel, (C,), sums to 1.
        positions: count maps of any size as if they had so many, so that the distance does not
            grow with the size of the images; None for the sum of the paper.
    """
    squares = (maps.float() - source.float()).pow(2).flatten(2)
    distances = squares.sum(dim=2) if positions is None else positions * squares.mean(dim=2)
    return (distances * attention).sum(dim=1).mean()


class Delta(Method):
    """Fine-tuning of everything with ``alpha * behaviour + beta * |v|^2``, v the head's weights.

    Feature maps are those of the last convolution at each of the last four resolutions. The
    attention of a channel is the softmax over channels of how much the loss of the pretrained
    network with a ridge classifier rises when the channel is set to zero; it takes a forward pass
    for each channel. With masks the classifier is of some pixels of each class and image, by the
    features of several scales at their place, and the distance is that of maps of 7 x 7 positions
    whatever their size: maps are larger there, and so would the penalty be.

    Args:
        alpha: weight of the distance.
        beta: weight of the head's squared weights.
        attention_images: number of images for the attention; 0 weighs all channels alike.
    """

    decays_weights = False

    def __init__(self, alpha: float = 0.01, beta: float = 0.01, attention_images: int = 32) -> None:
        if attention_images < 0:
            raise ConfigError(
                f"attention_images is {attention_images}.", hint="Set it to 0 or more."
            )
        self.alpha = alpha
        self.beta = beta
        self.attention_images = attention_images
        self.source: nn.Module | None = None
        self.attention: dict[str, Tensor] = {}
        self._maps: dict[str, Tensor] = {}
        self._source_maps: dict[str, Tensor] = {}
        self._handles: list[RemovableHandle] = []

    def prepare(self, start: Start) -> None:
        """Copy the source, choose the layers and tell the attention.

        Raises:
            ModelError: the network has no convolution whose maps could be held, or its features
                are not finite.
        """
        self.source = frozen_copy(start.network.backbone)
        images, labels = _first(start, max(self.attention_images, 2))
        layers = last_convolutions(self.source, images[:1])
        uniform = not self.attention_images
        self.attention = channel_attention(
            self.source, layers, images, labels, start.classes, start.observe, uniform=uniform
        )
        for model, kept in (
            (start.network.backbone, self._maps),
            (self.source, self._source_maps),
        ):
            modules = dict(model.named_modules())
            self._handles += [
                modules[name].register_forward_hook(_keep(kept, name)) for name in layers
            ]

    def penalty(
        self, network: Network, images: Tensor, features: Tensor, labels: Tensor
    ) -> Tensor | None:
        """Run the source on the batch and return the regulariser."""
        with torch.no_grad():
            cast(nn.Module, self.source)(images)
        positions = POSITIONS if labels.ndim > 1 else None
        held = [
            behaviour(self._maps[name], self._source_maps[name], attention, positions=positions)
            for name, attention in self.attention.items()
        ]
        head = squared_norm(network.head)
        return self.alpha * torch.stack(held).sum() + self.beta * head

    def finish(self, network: Network, *, fold: bool) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()


@torch.no_grad()
def last_convolutions(model: nn.Module, images: Tensor) -> list[str]:
    """Name the last convolution at each of the last resolutions above a single pixel.

    Raises:
        ModelError: there is none.
    """
    last: dict[tuple[int, ...], str] = {}
    handles = []

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Tensor) -> None:
            size = tuple(output.shape[2:])
            last.pop(size, None)  # the order is that of the last use
            if max(size) > 1:
                last[size] = name

        return hook

    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            handles.append(module.register_forward_hook(note(name)))
    model(images)
    for handle in handles:
        handle.remove()
    if not last:
        raise ModelError("The network has no convolution whose feature maps delta could hold.")
    return list(last.values())[-STAGES:]


@torch.no_grad()
def channel_attention(
    model: nn.Module,
    layers: list[str],
    images: Tensor,
    labels: Tensor,
    classes: int,
    observe: Observe = as_they_are,
    *,
    uniform: bool = False,
) -> dict[str, Tensor]:
    """Compute the attention of each channel of some layers; see :class:`Delta`.

    Args:
        model: the pretrained backbone, in inference mode.
        layers: names of its convolutions.
        images: (N, C, H, W).
        labels: (N,), or (N, H, W).
        classes: K.
        observe: gives the feature vectors that are classified, and their classes.
        uniform: weigh all channels of a layer alike.

    Returns:
        (C,) a layer, summing to 1.
    """
    modules = dict(model.named_modules())
    counts = {name: cast(nn.Conv2d | nn.Conv3d, modules[name]).out_channels for name in layers}
    if uniform:
        return {name: images.new_full((c,), 1 / c) for name, c in counts.items()}
    features, known = observe(model(images), labels)
    require_finite(features)
    classify = ridge_classifier(features.float(), known, classes)
    rises: dict[str, Tensor] = {}
    for name, count in counts.items():
        losses = []
        for channel in range(count):
            with _without(modules[name], channel):
                features, known = observe(model(images), labels)
            losses.append(F.cross_entropy(classify(features.float()), known))
        rises[name] = torch.stack(losses)  # the loss of the whole network is the same for all
    return {name: torch.softmax(losses, dim=0) for name, losses in rises.items()}


def ridge_classifier(features: Tensor, labels: Tensor, classes: int) -> Callable[[Tensor], Tensor]:
    """Fit a ridge regression on one-hot labels, with the mean squared norm as penalty."""
    mean = features.mean(dim=0)
    centred = (features - mean).double()
    targets = F.one_hot(labels, classes).double()
    gram = centred @ centred.T
    gram.diagonal().add_(gram.diagonal().mean().clamp(min=1e-12))
    weight = (centred.T @ torch.linalg.solve(gram, targets - targets.mean(dim=0))).float()
    bias = targets.mean(dim=0).float()
    return lambda given: (given - mean) @ weight + bias


@contextmanager
def _without(module: nn.Module, channel: int) -> Iterator[None]:
    """Set a channel of a layer's output to zero."""

    def hook(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        output = output.clone()
        output[:, channel] = 0
        return output

    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _keep(kept: dict[str, Tensor], name: str) -> Callable[..., None]:
    def hook(module: nn.Module, args: Any, output: Tensor) -> None:
        kept[name] = output

    return hook


def _first(start: Start, count: int) -> tuple[Tensor, Tensor]:
    """Return the first images and their labels."""
    images, labels = [], []
    for batch_images, batch_labels in start.batches():
        images.append(batch_images)
        labels.append(batch_labels)
        if sum(map(len, labels)) >= count:
            break
    return torch.cat(images)[:count], torch.cat(labels)[:count]
