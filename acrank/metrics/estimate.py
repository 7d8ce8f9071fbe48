"""Describe a score together with the values that its uncertainty is known from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acrank.metrics.resampling import WIDEN

# Values that differ by less than this share of the largest are the same but for rounding.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Estimate:
    """A score, and how it varies.

    Two kinds: a mean over trials (batches of the sample, or repeated trainings), or a value on
    the whole sample with replicates of it on random parts. Models of one run share their
    trials and their parts, so that estimates of two models are paired.

    Attributes:
        value: the score; NaN where it is undefined.
        trials: the values it is the mean of; empty for the other kind.
        replicates: its values on parts of the sample (see :mod:`acrank.metrics.resampling`);
            empty where there are none.
        freedom: degrees of freedom of the sample that the parts are of: many parts of a few
            images tell no more than the images do. None where it is no matter.
    """

    value: float
    trials: tuple[float, ...] = ()
    replicates: tuple[float, ...] = ()
    freedom: int | None = None

    @classmethod
    def of_trials(cls, trials: Sequence[float]) -> Estimate:
        """The mean of some trials; NaN for none."""
        mean = sum(trials) / len(trials) if trials else math.nan
        return cls(mean, trials=tuple(map(float, trials)))

    @property
    def deviations(self) -> NDArray[np.float64]:
        """The deviations that the interval comes from, on the scale of the estimate, shape (R,).

        Squares summed and divided by R - 1 are the variance of the estimate. NaN where a part of
        the sample gave no value. Empty where its uncertainty is unknown: see :attr:`unknown`.
        """
        if self.unknown:
            return np.empty(0)
        values = np.array(self.trials or self.replicates, dtype=np.float64)
        spread: NDArray[np.float64] = values - np.nanmean(values)
        return spread / math.sqrt(len(values)) if self.trials else spread * WIDEN

    @property
    def unknown(self) -> str:
        """Why nothing is known of its uncertainty, in words; empty where something is.

        Values that are all the same are no certainty: a score at the end of its range, or one
        that the parts do not move, would have an interval of no width.
        """
        values = np.array(self.trials or self.replicates, dtype=np.float64)
        over = "batch or training" if self.trials else "part of the sample"
        if not values.size:
            return "it is not computed on parts of the sample"
        known = values[~np.isnan(values)]
        if len(known) < max(2.0, len(values) / 2):
            return f"it has a value on {len(known)} {over} alone"
        if np.ptp(known) <= ROUNDING * np.abs(known).max():
            return f"it is the same on every {over}"
        return ""
