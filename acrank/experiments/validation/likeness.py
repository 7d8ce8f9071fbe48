"""Measure how alike scores are, and whether one family of architectures makes their agreement."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from acrank.experiments.validation.agreement import Array, Convention, spearman, weighted_tau
from acrank.experiments.validation.resampling import nan_mean
from acrank.experiments.validation.results import Likeness, WithoutFamily
from acrank.experiments.validation.tables import MetricScores, Values

# Fewer models than this have no order worth speaking of.
FEWEST = 3


def likenesses(truth: Values, metrics: Sequence[MetricScores]) -> tuple[Likeness, ...]:
    """Correlate every two metrics by Spearman's, as means over the datasets.

    Args:
        truth: dataset -> model -> accuracy; only these models count.
        metrics: metrics and static baselines with settled directions.

    Returns:
        Every pair once; NaN where one of them is constant on every dataset.
    """
    return tuple(_likeness(truth, one, other) for one, other in itertools.combinations(metrics, 2))


def _likeness(truth: Values, one: MetricScores, other: MetricScores) -> Likeness:
    values = []
    for dataset, models in truth.items():
        shared = [m for m in models if all(m in x.values.get(dataset, {}) for x in (one, other))]
        if len(shared) >= FEWEST:
            lists = (_list(metric, dataset, shared) for metric in (one, other))
            values.append(float(spearman(*lists)))
    return Likeness(one.name, other.name, int(np.isfinite(values).sum()), _mean(values))


def without_families(
    truth: Values,
    metrics: Sequence[MetricScores],
    families: Mapping[str, str],
    convention: Convention,
    deviations: Mapping[str, float],
) -> tuple[WithoutFamily, ...]:
    """Compute the mean weighted taus with one family of architectures left out after the other.

    Args:
        truth: dataset -> model -> accuracy.
        metrics: metrics and static baselines with settled directions.
        families: model -> family; models of unknown family are never left out.
        convention: ranking of models in the weighted tau.
        deviations: dataset -> difference below which accuracies are tied.

    Returns:
        A row for each family, the largest first; none for fewer than two families.
    """
    sizes: dict[str, int] = {}
    for family in families.values():
        sizes[family] = sizes.get(family, 0) + 1
    if len(sizes) < 2:
        return ()
    rows = []
    for family in sorted(sizes, key=lambda name: (-sizes[name], name)):
        left = {
            dataset: {m: x for m, x in models.items() if families.get(m) != family}
            for dataset, models in truth.items()
        }
        taus = {m.name: _mean_tau(left, m, convention, deviations) for m in metrics}
        rows.append(WithoutFamily(family, sizes[family], taus))
    return tuple(rows)


def _mean_tau(
    truth: Values, metric: MetricScores, convention: Convention, deviations: Mapping[str, float]
) -> float:
    taus = []
    for dataset, accuracies in truth.items():
        models = sorted(accuracies.keys() & metric.values.get(dataset, {}).keys())
        if len(models) >= FEWEST:
            y = np.array([accuracies[model] for model in models])
            x = _list(metric, dataset, models)
            taus.append(float(weighted_tau(x, y, convention, deviations.get(dataset, 0.0))))
    return _mean(taus)


def _list(metric: MetricScores, dataset: str, models: Sequence[str]) -> Array:
    sign = 1.0 if metric.higher_is_better else -1.0
    return sign * np.array([metric.values[dataset][model] for model in models])


def _mean(values: Sequence[float]) -> float:
    return float(nan_mean(np.array(values))) if values else math.nan
