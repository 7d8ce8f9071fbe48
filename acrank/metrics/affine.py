"""Scores read off the affine parameters before and after the step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from acrank.metrics.registry import AC_CORR
from acrank.norm.correlation import affine_ratio
from acrank.norm.layerwise import DeadChannels, find_dead_channels, layer_correlations, summarise
from acrank.norm.types import LayerCorrelation
from acrank.scoring.types import Probe

Steps = tuple[tuple[Tensor, ...], tuple[Tensor, ...]]


def affine_scores(
    probe: Probe,
    dead_channels: DeadChannels = "exclude",
    metrics: Sequence[str] = AC_CORR,
) -> tuple[dict[str, list[float]], list[LayerCorrelation]]:
    """Scores of the kind ``affine``, one value a trial, and AC-Corr's layers.

    Args:
        probe: of one model.
        dead_channels: leave them out of the correlation or keep them.
        metrics: names of the scores wanted.

    Returns:
        For each name the values of the R trials, NaN where undefined (every layer is tied; a
        control that needs a single step); and one entry a layer, averaged over the trials.
    """
    steps = (probe.target_weights, probe.target_biases)
    by_layer = _correlations(probe, steps, dead_channels)
    trials = [summarise(layers) for layers in zip(*by_layer, strict=True)]
    scores = {name: [getattr(trial, name) for trial in trials] for name in AC_CORR}
    telling = [layer[0].telling for layer in by_layer]
    if "ac_corr_shuffled" in metrics:
        scores["ac_corr_shuffled"] = _shuffled(probe, dead_channels, len(trials))
    if "affine_shift" in metrics:
        scores["affine_shift"] = affine_shift(probe, telling, dead_channels)
    if "affine_grad_norm" in metrics:
        scores["affine_grad_norm"] = affine_grad_norm(probe)
    return scores, [_average(trials_of_layer) for trials_of_layer in by_layer]


def affine_shift(
    probe: Probe, telling: Sequence[bool], dead_channels: DeadChannels = "exclude"
) -> list[float]:
    """How far the affine ratios move: mean |y_t - y_s|, over channels and then over layers.

    Args:
        probe: of one model.
        telling: for each layer whether it counts; tied layers move by any amount.
        dead_channels: leave them out or keep them; their ratios are in the thousands.

    Returns:
        One value a trial, at least 0; lower is a smaller step away from the source. NaN where no
        layer counts.
    """
    shifts = []
    for counts, source, weight, bias in zip(
        telling, probe.sources, probe.target_weights, probe.target_biases, strict=True
    ):
        if counts:
            before = affine_ratio(source.weight.double(), source.bias.double())
            moved = (affine_ratio(weight.double(), bias.double()) - before).abs()
            live = ~find_dead_channels(source)
            shifts.append((moved[:, live] if dead_channels == "exclude" else moved).mean(dim=1))
    if not shifts:
        return [math.nan] * len(probe.losses)
    return [float(value) for value in torch.stack(shifts).mean(dim=0)]


def affine_grad_norm(probe: Probe) -> list[float]:
    """Euclidean norm of the loss's gradient over all norm affines, at the pretrained ones.

    Returns:
        One value a trial, at least 0; NaN after several steps, whose gradients are not kept.
    """
    if probe.step_size is None:
        return [math.nan] * len(probe.losses)
    squares = torch.zeros(len(probe.losses), dtype=torch.float64)
    for source, weight, bias in zip(
        probe.sources, probe.target_weights, probe.target_biases, strict=True
    ):
        squares += (weight - source.weight.double()).square().sum(dim=1)
        squares += (bias - source.bias.double()).square().sum(dim=1)
    return [float(value) for value in squares.sqrt() / probe.step_size]


def _shuffled(probe: Probe, dead_channels: DeadChannels, trials: int) -> list[float]:
    if probe.shuffled is None:
        return [math.nan] * trials
    by_layer = _correlations(probe, probe.shuffled, dead_channels)
    return [summarise(layers).ac_corr for layers in zip(*by_layer, strict=True)]


def _correlations(
    probe: Probe, steps: Steps, dead_channels: DeadChannels
) -> list[list[LayerCorrelation]]:
    return [
        layer_correlations(source, weights, biases, probe.temperature, dead_channels)
        for source, weights, biases in zip(probe.sources, *steps, strict=True)
    ]


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
