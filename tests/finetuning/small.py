"""Small networks and batches to fine-tune."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import cast

import torch
from torch import Tensor, nn

from acrank.finetuning.methods.base import Start
from acrank.finetuning.network import Network

CLASSES = 3


class Backbone(nn.Module):
    """Two convolutions at two resolutions, each with BatchNorm; features (N, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.bn2 = nn.BatchNorm2d(6)

    def forward(self, images: Tensor) -> Tensor:
        maps = torch.relu(self.bn1(self.conv1(images)))
        return torch.relu(self.bn2(self.conv2(maps))).mean(dim=(2, 3))


def make_network() -> Network:
    """The same each time, with running statistics and affines of a trained network."""
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Network(Backbone(), nn.Linear(6, CLASSES))
    for bn in (backbone_of(network).bn1, backbone_of(network).bn2):
        for tensor in (bn.weight.data, bn.bias.data, mean_of(bn)):
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.5 + 0.7)
        variance = variance_of(bn)
        variance.copy_(torch.rand(variance.shape, generator=generator) + 0.5)
    return network


def backbone_of(network: Network) -> Backbone:
    """The backbone by its own type."""
    return cast(Backbone, network.backbone)


def mean_of(bn: nn.BatchNorm2d) -> Tensor:
    """The running mean, which is there."""
    return cast(Tensor, bn.running_mean)


def variance_of(bn: nn.BatchNorm2d) -> Tensor:
    """The running variance, which is there."""
    return cast(Tensor, bn.running_var)


def make_batch(count: int = 12, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images (N, 3, 8, 8) and labels of every class."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % CLASSES
    images = torch.randn(count, 3, 8, 8, generator=generator)
    return images + labels.float().view(-1, 1, 1, 1), labels


def make_start(network: Network, source_head: nn.Module | None = None) -> Start:
    """What a method may look at, with two batches of training images."""

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        yield make_batch(6, 0)
        yield make_batch(6, 1)

    return Start(network, batches, CLASSES, source_head, nullcontext)
