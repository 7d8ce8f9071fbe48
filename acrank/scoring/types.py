"""The settings of a probe, and how its trials are put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from acrank.data.base import Batches
from acrank.errors import ModelError, NoNormError
from acrank.metrics.affine import Probe
from acrank.norm.layerwise import SourceAffine
from acrank.norm.types import NORM_NAMES, NormKind
from acrank.scoring.norms import ANOTHER_SCORE, Norms
from acrank.tasks.pooled import PooledReadout
from acrank.tasks.readout import Readout

POOLED: Readout[Any] = PooledReadout()


@dataclass(frozen=True)
class ProbeSettings:
    """The settings of a probe; see :class:`acrank.config.RunConfig` for the meanings.

    With ``shuffled``, each single step is taken a second time, on labels in random order. Batches
    are divided into ``parts``, and a single step takes one; see :mod:`acrank.scoring.stepping`.
    """

    steps: int = 1
    repeats: int = 3
    lr: float = 0.01
    head: Literal["random", "ridge"] = "random"
    temperature: float = 1.0
    seed: int = 0
    autocast: torch.dtype | None = None
    shuffled: bool = False
    readout: Readout[Any] = POOLED
    norms: Norms = "batch"
    parts: int = 1


@dataclass(frozen=True)
class Passes:
    """A network and the batches of the sample, for metrics that need further passes.

    Attributes:
        model: maps images (N, C, H, W) to features (N, D); a metric leaves it as it was.
        batches: gives the images and labels of batch number i.
        count: number of batches.
        classes: number of classes of the target.
        seed: of a training's order.
        autocast: dtype of the network's arithmetic; None for that of its weights.
        norms: which layers the BatchNorm probe trains.
    """

    model: nn.Module
    batches: Batches
    count: int
    classes: int
    seed: int = 0
    autocast: torch.dtype | None = None
    norms: Norms = "batch"


def collect(
    sources: tuple[SourceAffine, ...],
    after: list[list[tuple[Tensor, Tensor]]],
    losses: list[Tensor],
    used: list[bool],
    temperature: float,
    kind: NormKind,
) -> Probe:
    """Put the trials of every layer together.

    Args:
        sources: the pretrained affines.
        after: for each trial those of each layer after it.
        losses: of the trials.
        used: whether the features depend on a layer.
        temperature: of the affine correlation.
        kind: of the layers.

    Raises:
        NoNormError: the features depend on no norm layer.
        ModelError: a loss or an affine parameter is not finite.
    """
    if not any(used):
        raise NoNormError(
            f"no {NORM_NAMES[kind]} layer takes part in the features.",
            hint=f"AC-Corr needs some on the path from the image to them; {ANOTHER_SCORE}",
        )
    # A layer that the features do not depend on (an auxiliary head) has nothing to say.
    sources = tuple(source for source, kept in zip(sources, used, strict=True) if kept)
    weights, biases = stack_layers(after, used)
    loss = torch.stack([value.float().cpu() for value in losses])
    if not all(torch.isfinite(values).all() for values in (loss, *weights, *biases)):
        raise ModelError(
            "the loss or an affine parameter is not finite after the step.",
            hint="Lower --lr, use --precision fp32, or check the weights.",
        )
    return Probe(sources, weights, biases, loss, temperature, kind=kind)


def stack_layers(
    after: list[list[tuple[Tensor, Tensor]]], used: list[bool]
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Stack the trials: scales and shifts (R, C) of each layer that is used."""
    layers = [layer for layer, kept in zip(zip(*after, strict=True), used, strict=True) if kept]
    weights = tuple(torch.stack([weight for weight, _ in layer]) for layer in layers)
    return weights, tuple(torch.stack([bias for _, bias in layer]) for layer in layers)
