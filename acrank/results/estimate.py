"""A score together with what its uncertainty is known from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acrank.metrics.resampling import WIDEN


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
    """

    value: float
    trials: tuple[float, ...] = ()
    replicates: tuple[float, ...] = ()

    @classmethod
    def of_trials(cls, trials: Sequence[float]) -> Estimate:
        """The mean of some trials; NaN for none."""
        mean = sum(trials) / len(trials) if trials else math.nan
        return cls(mean, trials=tuple(map(float, trials)))

    @property
    def deviations(self) -> NDArray[np.float64]:
        """What it is known from, on the scale of the estimate, shape (R,).

        Squares summed and divided by R - 1 are the variance of the estimate. NaN where a part of
        the sample gave no value.
        """
        values = np.array(self.trials or self.replicates, dtype=np.float64)
        if not values.size:
            return values
        if np.isnan(values).all():
            return values
        spread: NDArray[np.float64] = values - np.nanmean(values)
        return spread / math.sqrt(len(values)) if self.trials else spread * WIDEN
