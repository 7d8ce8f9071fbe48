"""Compute the explanation of each layer from the affines that a probe left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from acrank.metrics.affine import Probe
from acrank.norm.correlation import ac_corr, affine_ratio
from acrank.norm.layerwise import DeadChannels, SourceAffine, find_dead_channels, spread_and_drift
from acrank.norm.types import LayerCorrelation
from acrank.scoring.inspection.types import ChannelMoves, Floats, LayerExplanation


def explain_layers(
    probe: Probe,
    correlations: Sequence[LayerCorrelation],
    dead_channels: DeadChannels = "exclude",
) -> tuple[LayerExplanation, ...]:
    """Explain every layer of a probe.

    Args:
        probe: of one model.
        correlations: AC-Corr of its layers, as scoring has computed it.
        dead_channels: left out of the correlation or kept, as in scoring.
    """
    return tuple(
        _explain(source, weights, biases, correlation, probe.temperature, dead_channels)
        for source, weights, biases, correlation in zip(
            probe.sources, probe.target_weights, probe.target_biases, correlations, strict=True
        )
    )


def _explain(
    source: SourceAffine,
    weights: Tensor,
    biases: Tensor,
    correlation: LayerCorrelation,
    temperature: float,
    dead_channels: DeadChannels,
) -> LayerExplanation:
    dead = find_dead_channels(source)
    spread, drift = spread_and_drift(
        source.weight[~dead], source.bias[~dead], weights[:, ~dead], biases[:, ~dead]
    )
    used = ~dead if dead_channels == "exclude" else torch.ones_like(dead)
    kept, crossed = torch.full((2, len(dead)), torch.nan, dtype=torch.float64)
    if not correlation.tied:
        affines = (source.weight, source.bias, weights, biases)
        a, b, c, d = (values[..., used].double() for values in affines)
        kept[used] = ac_corr(a, b, c, d, temperature).mean(dim=0)
        crossed[used] = _crossings(affine_ratio(a, b), affine_ratio(c, d)).double().mean(dim=0)
    channels = _moves(source, weights.double(), biases.double(), dead, kept, crossed)
    return LayerExplanation(correlation, spread, drift, channels)


def _crossings(source: Tensor, target: Tensor) -> Tensor:
    """Find where another channel is as near as the own one, of ratios (C,), (R, C): bool (R, C).

    Of sorted ratios the two below and the two above a target's place suffice: at most one of
    them is its own.
    """
    ordered, order = source.sort()
    own = torch.empty_like(order).index_copy_(0, order, torch.arange(len(order)))
    place = torch.searchsorted(ordered, target.contiguous())
    crossed = torch.zeros_like(target, dtype=torch.bool)
    for step in (-2, -1, 0, 1):
        index = place + step
        there = (index >= 0) & (index < len(ordered)) & (index != own)
        distance = (ordered[index.clamp(0, len(ordered) - 1)] - target).abs()
        crossed |= there & (distance <= (target - source).abs())
    return crossed


def _moves(
    source: SourceAffine,
    weights: Tensor,
    biases: Tensor,
    dead: Tensor,
    kept: Tensor,
    crossed: Tensor,
) -> ChannelMoves:
    weight, bias = source.weight.double(), source.bias.double()
    before, after = affine_ratio(weight, bias), affine_ratio(weights, biases)
    changes = after - before
    return ChannelMoves(
        dead=dead.numpy(),
        moved=changes.square().mean(dim=0).sqrt().numpy(),
        change=changes.mean(dim=0).numpy(),
        change_sd=_deviation(changes),
        ratio_before=before.numpy(),
        ratio_after=after.mean(dim=0).numpy(),
        gamma_before=weight.numpy(),
        gamma_after=weights.mean(dim=0).numpy(),
        gamma_sd=_deviation(weights),
        beta_before=bias.numpy(),
        beta_after=biases.mean(dim=0).numpy(),
        beta_sd=_deviation(biases),
        kept=kept.numpy(),
        crossed=crossed.numpy(),
    )


def _deviation(trials: Tensor) -> Floats:
    """Compute the standard deviation over trials (R, C), shape (C,); NaN for one trial."""
    if len(trials) < 2:
        return np.full(trials.shape[1], np.nan)
    values: Floats = trials.std(dim=0).numpy()
    return values
