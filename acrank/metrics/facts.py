"""Compute the baselines that see no image, from facts about a model."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from acrank.errors import MetricError


@dataclass(frozen=True)
class Facts:
    """Facts about one model and the seed of the run, as metrics of facts take them.

    Attributes:
        model: its name in the zoo.
        params: number of parameters; None if unknown.
        imagenet_top1: published top-1 accuracy in per cent; None if unknown.
        seed: seed of the run.
    """

    model: str
    params: int | None = None
    imagenet_top1: float | None = None
    seed: int = 0


def params(facts: Facts) -> float:
    """The number of parameters; higher is better.

    Raises:
        MetricError: it is not known.
    """
    return _known(facts.params, "number of parameters unknown")


def imagenet_top1(facts: Facts) -> float:
    """The published top-1 accuracy on ImageNet-1k in per cent, [0, 100]; higher is better.

    Raises:
        MetricError: the zoo has none.
    """
    return _known(facts.imagenet_top1, "no imagenet_top1 in the zoo")


def chance(facts: Facts) -> float:
    """A number in [0, 1) that depends on the model's name and the seed alone."""
    digest = hashlib.sha256(f"{facts.seed}:{facts.model}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _known(value: float | None, reason: str) -> float:
    if value is None:
        raise MetricError(reason)
    return float(value)
