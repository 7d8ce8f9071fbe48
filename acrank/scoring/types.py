"""What goes into a probe and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from acrank.errors import ModelError, NoNormError
from acrank.norm.layerwise import SourceAffine
from acrank.norm.types import NORM_NAMES, NormKind
from acrank.scoring.norms import ANOTHER_SCORE, Norms
from acrank.tasks.pooled import PooledReadout
from acrank.tasks.readout import Readout

POOLED: Readout = PooledReadout()


@dataclass(frozen=True)
class ProbeSettings:
    """How a model is probed; see :class:`acrank.config.RunConfig` for the meanings.

    With ``shuffled``, each single step is taken a second time, on labels in random order.
    """

    steps: int = 1
    repeats: int = 3
    lr: float = 0.01
    head: Literal["random", "ridge"] = "random"
    temperature: float = 1.0
    seed: int = 0
    autocast: torch.dtype | None = None
    shuffled: bool = False
    readout: Readout = POOLED
    norms: Norms = "batch"


@dataclass(frozen=True)
class Probe:
    """What probing one model left: its affine parameters before and after.

    Attributes:
        sources: the pretrained affine of each norm layer.
        target_weights: for each layer the scales after training, shape (R, C), where R is
            the number of batches (one step) or of repeats (several steps).
        target_biases: likewise the shifts.
        losses: loss of the last step of each of the R trials, shape (R,).
        temperature: of the affine correlation, as used in the forward pass.
        step_size: learning rate of a single step; None after several.
        shuffled: scales and shifts after a step on labels in random order; None if not taken.
        kind: of the norm layers.
    """

    sources: tuple[SourceAffine, ...]
    target_weights: tuple[Tensor, ...]
    target_biases: tuple[Tensor, ...]
    losses: Tensor
    temperature: float
    step_size: float | None = None
    shuffled: tuple[tuple[Tensor, ...], tuple[Tensor, ...]] | None = None
    kind: NormKind = "batch"


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
    """From a list of layers a trial to scales and shifts (R, C) of each layer that is used."""
    layers = [layer for layer, kept in zip(zip(*after, strict=True), used, strict=True) if kept]
    weights = tuple(torch.stack([weight for weight, _ in layer]) for layer in layers)
    return weights, tuple(torch.stack([bias for _, bias in layer]) for layer in layers)
