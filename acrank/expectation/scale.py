"""Put scores on a scale that depends on the data alone, never on other candidates.

Differences on this scale mean about the same on every dataset, so that a weight learned on some
serves others.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# Scores that can be weighed, the one that is taken first where there are several first.
PREFERRED = ("log_me", "linear_probe", "knn")
# Nats below which LogME's excess is not resolved: the logarithm has no end otherwise.
LEAST = 0.01
# Accuracies are kept this far from 0 and 1.
MARGIN = 0.002


def silent_log_me(shares: ArrayLike) -> float:
    """LogME of features that say nothing of the labels: its lowest value on these data.

    Args:
        shares: share of each class among the labels, (K,), above 0; sums to 1.

    Returns:
        Nats an image: the mean over classes of ``-log(2 pi e share) / 2``.
    """
    found = np.asarray(shares, dtype=np.float64)
    return float(-0.5 * np.log(2 * math.pi * math.e * found).mean())


def placed(score: str, value: float, shares: ArrayLike) -> float:
    """Put a score on its scale, on which it is strictly monotone.

    LogME becomes the logarithm of what it is above features that say nothing; an accuracy (k-NN,
    linear probe) its log odds.

    Args:
        score: one of :data:`PREFERRED`.
        value: the score.
        shares: share of each class among the labels, (K,).

    Returns:
        Any real number, higher is better; NaN for NaN.

    Raises:
        KeyError: the score cannot be weighed.
    """
    if score == "log_me":
        excess = value - silent_log_me(shares)
        # below its lowest value it can be by rounding only, or from elsewhere: go on in a line
        return math.log(excess + LEAST) if excess >= 0 else math.log(LEAST) + excess / LEAST
    if score in ("linear_probe", "knn"):
        kept = MARGIN + (1 - 2 * MARGIN) * value
        return math.log(kept / (1 - kept))
    raise KeyError(score)
