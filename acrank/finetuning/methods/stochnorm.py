"""Fine-tune with StochNorm: batch or running statistics, drawn for each channel."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from acrank.errors import ConfigError, NoNormError
from acrank.finetuning.methods.base import Method, Start
from acrank.finetuning.network import Network
from acrank.norm.usable import why_not


def stochastic_normalisation(layer: _BatchNorm, inputs: Tensor, p: float) -> Tensor:
    """Normalise a batch as StochNorm does in training.

    ``(1 - s) * batch branch + s * running branch`` with s drawn for every channel from
    Bernoulli(p), then the affine. p = 0 is BatchNorm. The running statistics are those before
    this batch, which updates them as BatchNorm does. Kou, You, Long and Wang, "Stochastic
    Normalization", NeurIPS 2020, algorithm 1.

    Args:
        layer: layer with running statistics; its momentum is used.
        inputs: (N, C, ...).
        p: probability of the running statistics, in [0, 1].
    """
    mean, variance = cast(Tensor, layer.running_mean), cast(Tensor, layer.running_var)
    moving = F.batch_norm(inputs, mean.clone(), variance.clone(), eps=layer.eps)
    if layer.num_batches_tracked is not None:
        layer.num_batches_tracked.add_(1)
    momentum = layer.momentum
    if momentum is None:
        momentum = 1.0 / float(cast(Tensor, layer.num_batches_tracked))
    batch = F.batch_norm(inputs, mean, variance, None, None, True, momentum, layer.eps)
    shape = (1, -1, *[1] * (inputs.ndim - 2))
    running = torch.rand(inputs.shape[1], device=inputs.device).lt(p).view(shape)
    mixed = torch.where(running, moving, batch)
    return mixed * layer.weight.view(shape) + layer.bias.view(shape)


class StochNorm(Method):
    """Plain fine-tuning with :func:`stochastic_normalisation` in every BatchNorm layer.

    Args:
        p: probability of the running statistics.
    """

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ConfigError(f"p is {p}.", hint="It is a probability: from 0 to 1.")
        self.p = p

    def prepare(self, start: Start) -> None:
        """Give every BatchNorm layer of the backbone the stochastic forward pass.

        Raises:
            NoNormError: there is none with running statistics.
        """
        layers = [m for m in start.network.backbone.modules() if _is_plain(m)]
        if not layers:
            raise NoNormError(
                "no BatchNorm layer with running statistics: there is nothing to draw."
            )
        for layer in layers:
            layer.forward = MethodType(_forward(type(layer), self.p), layer)

    def finish(self, network: Network, *, fold: bool) -> None:
        """Give the layers their own forward pass back: in inference they are plain BatchNorm."""
        for layer in network.backbone.modules():
            layer.__dict__.pop("forward", None)


def _is_plain(module: nn.Module) -> bool:
    return why_not(module) is None and getattr(module, "running_mean", None) is not None


def _forward(kind: type[nn.Module], p: float) -> Callable[[_BatchNorm, Tensor], Tensor]:
    def forward(layer: _BatchNorm, inputs: Tensor) -> Tensor:
        if not layer.training:
            return cast(Tensor, kind.forward(layer, inputs))
        outputs = stochastic_normalisation(layer, inputs, p)
        for name in ("drop", "act"):  # timm's layers that activate too
            outputs = getattr(layer, name, _nothing)(outputs)
        return outputs

    return forward


def _nothing(outputs: Tensor) -> Tensor:
    return outputs
