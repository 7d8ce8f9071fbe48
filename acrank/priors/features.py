"""Turn facts into the numbers that the prior weighs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from acrank.priors.facts import Facts
from acrank.priors.published import Array

# In the unit of the features: one is about the standard deviation of timm's networks.
_FEATURES: dict[str, Callable[[Facts], float | None]] = {
    "log_params": lambda f: f.params_m and (math.log10(f.params_m) - 1.5) / 0.5,
    "imagenet_top1": lambda f: None if f.imagenet_top1 is None else (f.imagenet_top1 - 78) / 5,
    "no_labels": lambda f: f.labels and float(f.labels in ("none", "other")),
    "texts": lambda f: None if f.texts is None else float(f.texts),
}
FEATURES = tuple(_FEATURES)
# What a fact that is not known may be: its mean and variance over timm's list, about.
_UNKNOWN = {
    "log_params": (0.0, 1.0),
    "imagenet_top1": (0.0, 1.0),
    "no_labels": (0.0, 0.1),
    "texts": (0.0, 0.1),
}


def features(facts: Facts, families: Sequence[str]) -> tuple[Array, Array]:
    """The numbers of a network, and how uncertain they are.

    Args:
        facts: what is known of it.
        families: families that have a weight of their own, (F,).

    Returns:
        Values and variances, both (P + F,); a variance is above 0 where a fact is not known.
    """
    found = [(name, read(facts)) for name, read in _FEATURES.items()]
    own = [float(facts.family == family) for family in families]
    values = [_UNKNOWN[name][0] if value is None else value for name, value in found]
    variances = [_UNKNOWN[name][1] if value is None else 0.0 for name, value in found]
    return np.array(values + own), np.array(variances + [0.0] * len(own))
