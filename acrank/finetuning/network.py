"""A pretrained backbone with a new classifier, and the timm network that the two make up."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from acrank.errors import ModelError
from acrank.zoo import Backbone


class Network(nn.Module):
    """Features of a backbone and a head on them.

    Attributes:
        backbone: images (N, C, H, W) to features: vectors (N, D), or maps of several scales.
        head: features to logits (N, K, ...): linear, or a decoder.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K, ...) of images."""
        return self.outputs(images)[1]

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features (N, D) and logits (N, K, ...) of images; maps give the coarsest, pooled."""
        features = self.backbone(images)
        logits = self.head(features)
        if isinstance(features, tuple):
            features = features[-1].flatten(2).mean(dim=2)
        return features, logits

    def backbone_parameters(self) -> Iterator[nn.Parameter]:
        """Of the backbone, those that are trained."""
        return (p for p in self.backbone.parameters() if p.requires_grad)


def squared_norm(head: nn.Module) -> Tensor:
    """Sum of the squares of a head's weights and biases, but for normalisation layers."""
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
        backbone: loaded, without its head; is used.
        classes: K.
        seed: of the head.

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
    """Number of features D, found by running the network on zeros in inference mode.

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
    """The network as it is now, in inference mode, for comparison."""
    source = copy.deepcopy(model)
    source.eval()
    for parameter in source.parameters():
        parameter.requires_grad_(False)
    return source
