"""Scores that run the network again: a short training, or gradients of another loss."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from acrank.data.base import Batches
from acrank.errors import AcrankError
from acrank.metrics.estimate import Estimate
from acrank.metrics.gradients import early_gradients, first_convolutions, gradient_ratio
from acrank.metrics.guards import collect_guards
from acrank.scoring.bn_probe import bn_probe
from acrank.scoring.norms import Norms
from acrank.tasks.heads import features_of

BN_PROBE = ("bn_probe", "bn_probe_accuracy")


def pass_scores(
    names: Iterable[str],
    model: nn.Module,
    batches: Batches,
    count: int,
    classes: int,
    *,
    seed: int = 0,
    autocast: torch.dtype | None = None,
    norms: Norms = "batch",
) -> tuple[dict[str, Estimate], dict[str, str]]:
    """The scores of the kind ``passes`` among some metrics, one value a batch.

    Args:
        names: of metrics; those of other kinds are passed over.
        model: maps images (N, C, H, W) to features (N, D); comes back as it was.
        batches: gives batch number i.
        count: number of batches.
        classes: number of classes of the target.
        seed: of the training's order.
        autocast: dtype of the network's arithmetic; None for that of its weights.
        norms: which layers the BatchNorm probe trains.

    Returns:
        Scores by metric, and reasons for those that could not be computed.
    """
    wanted = set(names)
    scores: dict[str, Estimate] = {}
    undefined: dict[str, str] = {}
    if wanted & set(BN_PROBE):
        try:
            given = (model, batches, count, classes)
            probe = bn_probe(*given, seed=seed, autocast=autocast, norms=norms)
            found = (probe.log_likelihoods, probe.accuracies)
            scores.update(
                {n: Estimate.of_trials(v.tolist()) for n, v in zip(BN_PROBE, found, strict=True)}
            )
        except Exception as error:  # one score's trouble must not take the others along
            undefined.update(dict.fromkeys(BN_PROBE, _reason(error)))
    if "gradient_ratio" in wanted:
        try:
            scores["gradient_ratio"] = _gradient_ratio(model, batches, count, autocast)
        except Exception as error:
            undefined["gradient_ratio"] = _reason(error)
    return (
        {name: score for name, score in scores.items() if name in wanted},
        {name: reason for name, reason in undefined.items() if name in wanted},
    )


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, AcrankError) else f"{type(error).__name__}: {error}"


def _gradient_ratio(
    model: nn.Module, batches: Batches, count: int, autocast: torch.dtype | None
) -> Estimate:
    """The ratio of means over batches, with its linear part in each batch as the trials."""
    weights = first_convolutions(model)
    needed = [parameter.requires_grad for parameter in model.parameters()]
    model.eval()
    model.requires_grad_(False)
    for weight in weights:
        weight.requires_grad_(True)
    try:
        norms = []
        for index in range(count):
            images, labels = batches(index)
            features = features_of(model, images, autocast)
            norms.append(early_gradients(features, labels, weights))
    finally:
        for parameter, flag in zip(model.parameters(), needed, strict=True):
            parameter.requires_grad_(flag)
    first, second = np.array(norms).T
    with collect_guards() as guards:
        ratio = gradient_ratio(first, second)
    if guards:
        raise AcrankError("; ".join(f"{name}: {text}" for name, text in guards.items()))
    return Estimate.of_trials(list(ratio + (second - ratio * first) / first.mean()))
