"""Scores that run the network again: a short training, or gradients of another loss."""

from __future__ import annotations

import numpy as np

from acrank.errors import MetricError
from acrank.metrics.gradients import early_gradients, first_convolutions, gradient_ratio
from acrank.metrics.guards import collect_guards
from acrank.scoring.bn_probe import bn_probe
from acrank.scoring.types import Passes
from acrank.tasks.heads import features_of


def bn_probe_scores(passes: Passes) -> dict[str, list[float]]:
    """Both scores of one BatchNorm probe, by metric; one value a batch, higher is better."""
    probe = bn_probe(
        passes.model,
        passes.batches,
        passes.count,
        passes.classes,
        seed=passes.seed,
        autocast=passes.autocast,
        norms=passes.norms,
    )
    return {
        "bn_probe": probe.log_likelihoods.tolist(),
        "bn_probe_accuracy": probe.accuracies.tolist(),
    }


def gradient_ratio_trials(passes: Passes) -> list[float]:
    """The gradient ratio of means over batches, with its linear part in each batch as the trials.

    Returns:
        One value a batch; lower is better.

    Raises:
        MetricError: a guard warns of the ratio.
    """
    model = passes.model
    weights = first_convolutions(model)
    needed = [parameter.requires_grad for parameter in model.parameters()]
    model.eval()
    model.requires_grad_(False)
    for weight in weights:
        weight.requires_grad_(True)
    try:
        norms = []
        for index in range(passes.count):
            images, labels = passes.batches(index)
            features = features_of(model, images, passes.autocast)
            norms.append(early_gradients(features, labels, weights))
    finally:
        for parameter, flag in zip(model.parameters(), needed, strict=True):
            parameter.requires_grad_(flag)
    first, second = np.array(norms).T
    with collect_guards() as guards:
        ratio = gradient_ratio(first, second)
    if guards:
        raise MetricError("; ".join(f"{name}: {text}" for name, text in guards.items()))
    trials: list[float] = (ratio + (second - ratio * first) / first.mean()).tolist()
    return trials
