"""Scores read off the affine parameters before and after the step."""

from __future__ import annotations

from collections.abc import Sequence

from acrank.metrics.registry import METRICS
from acrank.norm import LayerCorrelation, layer_correlations, summarise
from acrank.norm.layerwise import DeadChannels
from acrank.probe import Probe


def affine_scores(
    probe: Probe, dead_channels: DeadChannels = "exclude"
) -> tuple[dict[str, list[float]], list[LayerCorrelation]]:
    """AC-Corr in its three forms, one value a trial, and its layers averaged over the trials.

    Args:
        probe: of one model.
        dead_channels: leave them out of the correlation or keep them.

    Returns:
        For each name in ``METRICS`` the values of the R trials (NaN where every layer is
        tied), and one entry a layer.
    """
    by_layer = [
        layer_correlations(source, weights, biases, probe.temperature, dead_channels)
        for source, weights, biases in zip(
            probe.sources, probe.target_weights, probe.target_biases, strict=True
        )
    ]
    trials = [summarise(layers) for layers in zip(*by_layer, strict=True)]
    scores = {name: [getattr(trial, name) for trial in trials] for name in METRICS}
    return scores, [_average(trials_of_layer) for trials_of_layer in by_layer]


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
