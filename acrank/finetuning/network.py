"""Put a new head on a pretrained backbone."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from acrank.errors import ModelError
from acrank.zoo import Backbone


class Network(nn.Module):
    """A backbone and a head on its features.

    Attributes:
        backbone: network from images (N, C, H, W) to vectors (N, D), or maps of several scales.
        head: linear layer or decoder from features to logits (N, K, ...).
    """

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Compute the logits (N, K, ...) of images."""
        return self.outputs(images)[1]

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Compute features (N, D) and logits (N, K, ...); of maps, the coarsest is pooled."""
        features = self.backbone(images)
        logits = self.head(features)
        if isinstance(features, tuple):
            features = features[-1].flatten(2).mean(dim=2)
        return features, logits

    def backbone_parameters(self) -> Iterator[nn.Parameter]:
        """Return the parameters of the backbone that are trained."""
        return (p for p in self.backbone.parameters() if p.requires_grad)


def squared_norm(head: nn.Module) -> Tensor:
    """Sum the squares of a head's weights and biases, except in normalisation layers."""
    weights = [
        parameter.pow(2).sum()
        for layer in head.modules()
        if not isinstance(layer, nn.modules.batchnorm._BatchNorm | nn.GroupNorm)
        for parameter in layer.parameters(recurse=False)
    ]
    return torch.stack(weights).sum()


def build_network(backbone: Backbone, classes: int, seed: int) -> Network:
    """Put a new head on a backbone.

    The head's weights are drawn small (standard deviation 0.01) and its bias is zero, so that
    training begins with nearly equal probabilities whatever the scale of the features.

    Args:
        backbone: backbone without its head; becomes part of the network.
        classes: number of classes K.
        seed: seed of the head.

    Raises:
        ModelError: the features are not (N, D).
    """
    width = feature_width(backbone)
    head = nn.Linear(width, classes)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        head.weight.copy_(torch.randn(head.weight.shape, generator=generator) * 0.01)
        head.bias.zero_()
    return Network(backbone.model, head)


def feature_width(backbone: Backbone) -> int:
    """Find the number of features D by running the network on zeros in inference mode.

    Raises:
        ModelError: the features are not (N, D).
    """
    model = backbone.model
    model.eval()
    with torch.no_grad():
        features = model(torch.zeros(1, *backbone.data_config["input_size"]))
    if not isinstance(features, Tensor) or features.ndim != 2:
        shape = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ModelError(f"The network's features have shape {shape}, expected (N, D).")
    return int(features.shape[1])


def frozen_copy(model: nn.Module) -> nn.Module:
    """Return a copy of the network, frozen and in inference mode, for comparison."""
    source = copy.deepcopy(model)
    source.eval()
    for parameter in source.parameters():
        parameter.requires_grad_(False)
    return source
