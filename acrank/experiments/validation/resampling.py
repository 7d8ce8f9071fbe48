"""Resample models, draw random lists, and test differences over datasets."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from acrank.experiments.validation.agreement import Array

LEVEL = 0.95
# Up to so many models every order is tried, 5040 at most; beyond, orders are drawn.
ENUMERATED = 7
# Up to so many datasets every pattern of signs is tried.
SIGNS = 16
# Below so many datasets no signed-rank test reaches p < 0.05.
FEWEST = 6


def resamples(models: int, draws: int, seed: int) -> NDArray[np.intp]:
    """Draw bootstrap samples of models, the same for every dataset and metric.

    Args:
        models: number of models.
        draws: number of samples.
        seed: seed of the generator.

    Returns:
        Places drawn with replacement, shape (draws, models).
    """
    return np.random.default_rng(seed).integers(0, models, (draws, models))


def random_lists(models: int, draws: int, seed: int) -> Array:
    """Draw scores that know nothing: all orders of up to 7 models, else random ones.

    Args:
        models: number of models.
        draws: number of lists where they are drawn.
        seed: seed of the generator.

    Returns:
        Shape (lists, models), without ties.
    """
    if models <= ENUMERATED:
        return np.array(list(itertools.permutations(range(models))), dtype=np.float64)
    return np.random.default_rng([seed, 1]).random((draws, models))


def percentile_interval(values: Array, level: float = LEVEL) -> tuple[float, float]:
    """Return the central range of some draws.

    Resamples on which a statistic is undefined (all scores or all accuracies equal) are left
    out; where they are more than half, there is no interval.

    Args:
        values: shape (draws,), NaN where undefined.
        level: share of the draws inside.

    Returns:
        Lower and upper end, or NaN twice.
    """
    defined = values[np.isfinite(values)]
    if 2 * len(defined) < len(values) or not len(defined):
        return math.nan, math.nan
    low, high = np.percentile(defined, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def means_over_datasets(draws: Sequence[Array], seed: int) -> Array:
    """Draw bootstrap means over datasets, with models and datasets both resampled.

    Resampling both (Owen, Annals of Applied Statistics 2007) errs on the wide side; resampling
    only one of them would speak of these very models, or of these very datasets.

    Args:
        draws: for each dataset the statistic on resampled models, shape (B,) each.
        seed: seed of the draw of datasets.

    Returns:
        Shape (B,); NaN where no drawn dataset has a value.
    """
    table = np.stack(draws)
    generator = np.random.default_rng([seed, 2])
    picked = generator.integers(0, len(table), (len(table), table.shape[1]))
    return nan_mean(np.take_along_axis(table, picked, axis=0))


def nan_mean(values: Array) -> Array:
    """Average the defined values over the first axis; NaN where none is defined."""
    defined = np.isfinite(values)
    count = defined.sum(axis=0)
    total = np.where(defined, values, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean: Array = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def signed_rank_test(differences: Array) -> float:
    """Compute the two-sided p-value of Wilcoxon's signed-rank test that differences centre on 0.

    Chosen over the paired t test since differences of correlations are bounded and few, and far
    from normal; its null distribution is exact here. Zeros are dropped, ties get mean ranks.

    Args:
        differences: one difference for each dataset, shape (D,).

    Returns:
        In (0, 1]; NaN for fewer than 6 differences, which could not show p < 0.05.
    """
    if len(differences) < FEWEST:
        return math.nan
    moved = differences[differences != 0]
    if not len(moved):
        return 1.0
    ranks = stats.rankdata(np.abs(moved))
    observed = abs(float((np.sign(moved) * ranks).sum()))
    if len(moved) > SIGNS:
        scale = math.sqrt(float((ranks**2).sum()))
        return float(2 * stats.norm.sf(observed / scale))
    sums = np.zeros(1)
    for rank in ranks:
        sums = np.concatenate([sums - rank, sums + rank])
    return float((np.abs(sums) >= observed - 1e-9).mean())


def holm(values: Sequence[float]) -> list[float]:
    """Correct p-values for their number (Holm 1979); NaN stays and does not count."""
    order = sorted((p, place) for place, p in enumerate(values) if math.isfinite(p))
    corrected = [math.nan] * len(values)
    highest = 0.0
    for done, (p, place) in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - done) * p))
        corrected[place] = highest
    return corrected
