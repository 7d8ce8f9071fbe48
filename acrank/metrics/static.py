"""Baselines that see no image: what is known of a model before any run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from acrank.metrics.estimate import Estimate


def static_scores(
    metrics: Iterable[str],
    *,
    model: str,
    params: int | None,
    imagenet_top1: float | None,
    seed: int = 0,
) -> tuple[dict[str, Estimate], dict[str, str]]:
    """The baselines among some metrics.

    Args:
        metrics: names of metrics; those of other kinds are passed over.
        model: the model's name.
        params: number of parameters; None if unknown.
        imagenet_top1: published top-1 accuracy in per cent; None if unknown.
        seed: of ``chance``.

    Returns:
        Values by metric, and reasons for those that are unknown.
    """
    known: dict[str, tuple[float | None, str]] = {
        "params": (params, "number of parameters unknown"),
        "imagenet_top1": (imagenet_top1, "no imagenet_top1 in the zoo"),
        "chance": (chance(model, seed), ""),
    }
    scores: dict[str, Estimate] = {}
    undefined: dict[str, str] = {}
    for name in metrics:
        if name in known:
            value, reason = known[name]
            if value is None:
                undefined[name] = reason
            else:
                scores[name] = Estimate(float(value))
    return scores, undefined


def chance(model: str, seed: int) -> float:
    """A number in [0, 1) that depends on the model's name and the seed alone."""
    digest = hashlib.sha256(f"{seed}:{model}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
