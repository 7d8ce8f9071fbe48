"""Compute the scores of the affine parameters before and after the step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from acrank.errors import MetricError
from acrank.metrics.registry import AC_CORR
from acrank.norm.correlation import affine_ratio
from acrank.norm.layerwise import (
    DeadChannels,
    SourceAffine,
    find_dead_channels,
    layer_correlations,
    summarise,
)
from acrank.norm.types import LayerCorrelation, NormKind

SINGLE_STEP = "defined for a single step only (--steps 1)"


@dataclass(frozen=True)
class Probe:
    """The affine parameters of one model before and after probing.

    Attributes:
        sources: the pretrained affine of each norm layer.
        target_weights: for each layer the scales after training, shape (R, C), where R is
            the number of trials: batches stepped on (one step) or trainings (several steps).
        target_biases: likewise the shifts.
        losses: loss of the last step of each of the R trials, shape (R,).
        temperature: temperature of the affine correlation, as used in the forward pass.
        step_size: learning rate of a single step; None after several.
        shuffled: scales and shifts after a step on labels in random order; None if not taken.
        kind: kind of the norm layers.
    """

    sources: tuple[SourceAffine, ...]
    target_weights: tuple[Tensor, ...]
    target_biases: tuple[Tensor, ...]
    losses: Tensor
    temperature: float
    step_size: float | None = None
    shuffled: tuple[tuple[Tensor, ...], tuple[Tensor, ...]] | None = None
    kind: NormKind = "batch"


@dataclass(frozen=True)
class AffineTrials:
    """A probe and the rule for its dead channels, as metrics of affines take them.

    Attributes:
        probe: of one model, with R trials.
        dead_channels: leave them out of the correlation or keep them.
    """

    probe: Probe
    dead_channels: DeadChannels = "exclude"

    def __len__(self) -> int:
        return len(self.probe.losses)

    @cached_property
    def correlations(self) -> list[list[LayerCorrelation]]:
        """AC-Corr of each layer in each trial."""
        return self.correlations_after(self.probe.target_weights, self.probe.target_biases)

    def correlations_after(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor]
    ) -> list[list[LayerCorrelation]]:
        """AC-Corr of each layer for some scales and shifts, (R, C) a layer."""
        temperature, dead = self.probe.temperature, self.dead_channels
        layers = zip(self.probe.sources, weights, biases, strict=True)
        return [layer_correlations(source, w, b, temperature, dead) for source, w, b in layers]

    @property
    def layers(self) -> list[LayerCorrelation]:
        """AC-Corr of each layer, averaged over the trials."""
        return [_average(trials) for trials in self.correlations]


def ac_corr(trials: AffineTrials) -> dict[str, list[float]]:
    """AC-Corr in its three forms, from one set of correlations; higher is better.

    Args:
        trials: of one model.

    Returns:
        By metric, one value a trial; NaN where every layer is tied.

    Source:
        Zhang et al., AC-Norm, Pattern Recognition 2024 (arXiv 2307.15282).
    """
    means = [summarise(layers) for layers in zip(*trials.correlations, strict=True)]
    return {name: [getattr(mean, name) for mean in means] for name in AC_CORR}


def ac_corr_shuffled(trials: AffineTrials) -> list[float]:
    """AC-Corr after a step on labels in random order, a control for what the labels add.

    Returns:
        One value a trial.

    Raises:
        MetricError: no such step was taken: there were several steps.
    """
    if trials.probe.shuffled is None:
        raise MetricError(SINGLE_STEP)
    by_layer = trials.correlations_after(*trials.probe.shuffled)
    return [summarise(layers).ac_corr for layers in zip(*by_layer, strict=True)]


def affine_shift(trials: AffineTrials) -> list[float]:
    """Mean distance |y_t - y_s| that the affine ratios move, over channels and then over layers.

    Tied layers, which move by any amount, do not count; nor do dead channels, whose ratios are
    in the thousands, unless they are kept.

    Returns:
        One value a trial, at least 0; lower is a smaller step away from the source.

    Raises:
        MetricError: no layer counts.
    """
    probe, shifts = trials.probe, []
    for layer, source, weight, bias in zip(
        trials.correlations, probe.sources, probe.target_weights, probe.target_biases, strict=True
    ):
        if layer[0].telling:
            before = affine_ratio(source.weight.double(), source.bias.double())
            moved = (affine_ratio(weight.double(), bias.double()) - before).abs()
            live = ~find_dead_channels(source)
            exclude = trials.dead_channels == "exclude"
            shifts.append((moved[:, live] if exclude else moved).mean(dim=1))
    if not shifts:
        raise MetricError("no layer has ratios that differ")
    return [float(value) for value in torch.stack(shifts).mean(dim=0)]


def affine_grad_norm(trials: AffineTrials) -> list[float]:
    """Euclidean norm of the loss's gradient over all norm affines, at the pretrained ones.

    Returns:
        One value a trial, at least 0; lower is better.

    Raises:
        MetricError: there were several steps, whose gradients are not kept.
    """
    probe = trials.probe
    if probe.step_size is None:
        raise MetricError(SINGLE_STEP)
    squares = torch.zeros(len(trials), dtype=torch.float64)
    for source, weight, bias in zip(
        probe.sources, probe.target_weights, probe.target_biases, strict=True
    ):
        squares += (weight - source.weight.double()).square().sum(dim=1)
        squares += (bias - source.bias.double()).square().sum(dim=1)
    return [float(value) for value in squares.sqrt() / probe.step_size]


def _average(trials: Sequence[LayerCorrelation]) -> LayerCorrelation:
    first, count = trials[0], len(trials)
    return LayerCorrelation(
        first.name,
        first.channels,
        first.dead,
        first.tied,
        first.swamped,
        sum(trial.kept_sum for trial in trials) / count,
        sum(trial.kept_mean for trial in trials) / count,
        first.zero_drift,
    )
