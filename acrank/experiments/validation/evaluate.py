"""Compare every metric with the accuracies on every dataset, average, and test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from acrank.experiments.validation.agreement import STATISTICS, Array, Convention, agreement
from acrank.experiments.validation.own import OWN
from acrank.experiments.validation.resampling import (
    holm,
    means_over_datasets,
    nan_mean,
    percentile_interval,
    random_lists,
    resamples,
    signed_rank_test,
)
from acrank.experiments.validation.results import (
    CHANCE,
    Comparison,
    PairedTest,
    RowKind,
    Statistic,
    Summary,
)
from acrank.experiments.validation.tables import MetricScores, Values

MAIN = "weighted_tau"
# Resamples of fewer models are mostly copies of two or three: their range says nothing.
FEWEST_FOR_INTERVAL = 5


@dataclass(frozen=True)
class StatisticSettings:
    """Settings of the statistics.

    Attributes:
        convention: ranking of models in the weighted tau.
        draws: number of bootstrap samples and of random lists.
        seed: seed of both.
    """

    convention: Convention = "both"
    draws: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class _Cell:
    """One metric on one dataset, with the draws behind its intervals."""

    row: Comparison
    draws: dict[str, Array]


def evaluate(
    accuracies: Values,
    metrics: Sequence[MetricScores],
    settings: StatisticSettings,
    notes: list[str],
    deviations: Mapping[str, float] | None = None,
) -> tuple[tuple[Summary, ...], tuple[Comparison, ...]]:
    """Compare metrics, static baselines and chance with accuracies.

    Args:
        accuracies: dataset -> model -> accuracy, three models or more each.
        metrics: metrics and static baselines with settled directions.
        settings: settings of the statistics.
        notes: takes sentences on undefined correlations.
        deviations: dataset -> difference below which accuracies are tied; none if None.

    Returns:
        The means, highest weighted tau first, and all rows by dataset in the same order.
    """
    groups: dict[str, list[_Cell]] = {}
    apart = deviations or {}
    summaries = []
    for metric in metrics:
        cells = [
            _compare(metric, name, models, settings, apart.get(name, 0.0))
            for name, models in accuracies.items()
        ]
        groups[metric.name] = [cell for cell in cells if cell is not None]
        summaries.append(_summarise(metric, groups[metric.name], settings))
    _tell_undefined(groups, notes)
    groups[CHANCE], chance = _chance(accuracies, settings, apart)
    ordered = sorted([*_tested(summaries, groups), chance], key=_descending)
    rows = [cell.row for found in ordered for cell in groups[found.metric]]
    places = list(accuracies)
    rows.sort(key=lambda row: places.index(row.dataset))
    return tuple(ordered), tuple(rows)


def _compare(
    metric: MetricScores,
    dataset: str,
    accuracies: dict[str, float],
    settings: StatisticSettings,
    tolerance: float,
) -> _Cell | None:
    scores = metric.values.get(dataset, {})
    # Sorted, so that neither the order of rows nor the other metrics change the draws.
    models = sorted(set(scores) & set(accuracies))
    if len(models) < 3:
        return None
    sign = 1.0 if metric.higher_is_better else -1.0
    x = sign * np.array([scores[model] for model in models])
    y = np.array([accuracies[model] for model in models])
    places = resamples(len(models), settings.draws, settings.seed)
    point = agreement(x[None], y[None], settings.convention, tolerance)
    draws = agreement(x[places], y[places], settings.convention, tolerance)
    if len(models) < FEWEST_FOR_INTERVAL:
        draws = {name: np.full(settings.draws, np.nan) for name in draws}
    estimates = {name: _estimate(float(point[name][0]), draws[name]) for name in STATISTICS}
    return _Cell(Comparison(metric.name, _kind(metric), dataset, len(models), estimates), draws)


def _estimate(value: float, draws: Array) -> Statistic:
    if math.isnan(value):
        return Statistic(value, math.nan, math.nan)
    return Statistic(value, *percentile_interval(draws))


def _summarise(
    metric: MetricScores, cells: Sequence[_Cell], settings: StatisticSettings
) -> Summary:
    statistics = {}
    for name in STATISTICS:
        defined = [cell for cell in cells if math.isfinite(cell.row.statistics[name].value)]
        if not defined:
            statistics[name] = Statistic(math.nan, math.nan, math.nan)
            continue
        mean = float(np.mean([cell.row.statistics[name].value for cell in defined]))
        draws = means_over_datasets([cell.draws[name] for cell in defined], settings.seed)
        statistics[name] = _estimate(mean, draws)
    kind = _kind(metric)
    return Summary(metric.name, kind, metric.higher_is_better, len(_defined(cells)), statistics)


def _chance(
    accuracies: Values, settings: StatisticSettings, apart: Mapping[str, float]
) -> tuple[list[_Cell], Summary]:
    """Measure random lists, using the same list on every dataset.

    A list of its own on each dataset would average out; but metrics, like a list sorted by size,
    rank models much alike everywhere, and datasets agree on which models are good.
    """
    union = sorted({model for models in accuracies.values() for model in models})
    lists = random_lists(len(union), settings.draws, settings.seed)
    cells = []
    for dataset, truth in accuracies.items():
        models = sorted(truth)
        scores = lists[:, [union.index(model) for model in models]]
        y = np.tile([truth[model] for model in models], (len(scores), 1))
        draws = agreement(scores, y, settings.convention, apart.get(dataset, 0.0))
        row = Comparison(CHANCE, "chance", dataset, len(models), _ranges(draws))
        cells.append(_Cell(row, draws))
    means = {name: nan_mean(np.stack([cell.draws[name] for cell in cells])) for name in STATISTICS}
    return cells, Summary(CHANCE, "chance", True, len(cells), _ranges(means))


def _ranges(draws: dict[str, Array]) -> dict[str, Statistic]:
    return {
        name: Statistic(float(nan_mean(values)), *percentile_interval(values))
        for name, values in draws.items()
    }


def _tested(summaries: Sequence[Summary], groups: dict[str, list[_Cell]]) -> list[Summary]:
    """Test each metric against the best baseline; correct p-values for their number.

    Without metrics, the baselines themselves are tested against the models' own history.
    """
    scored = any(found.kind == "metric" for found in summaries)
    own = any(found.metric == OWN and found.datasets for found in summaries)
    best = OWN if own and not scored else _best_baseline(summaries)
    tested = [
        found.datasets > 0 and (found.kind == "metric" or (not scored and found.metric != best))
        for found in summaries
    ]
    tests = [
        _test(groups[found.metric], best, groups[best]) if wanted else None
        for found, wanted in zip(summaries, tested, strict=True)
    ]
    corrected = holm([test.p if test else math.nan for test in tests])
    return [
        replace(found, test=replace(test, p_holm=p)) if test else found
        for found, test, p in zip(summaries, tests, corrected, strict=True)
    ]


def _best_baseline(summaries: Sequence[Summary]) -> str:
    """Return the static baseline of highest mean tau; chance where none is above it."""
    static = [
        found
        for found in summaries
        # one lucky draw is no baseline: random lists stand for it
        if found.kind == "baseline" and found.datasets and found.metric != "chance"
    ]
    best = max(static, key=lambda found: found.statistics[MAIN].value, default=None)
    return best.metric if best and best.statistics[MAIN].value > 0 else CHANCE


def _test(cells: Sequence[_Cell], name: str, baseline: Sequence[_Cell]) -> PairedTest:
    ours, theirs = _defined(cells), _defined(baseline)
    if name == CHANCE:  # the mean tau of a list that knows nothing is 0 but for its draws
        theirs = dict.fromkeys(theirs, 0.0)
    differences = np.array(
        [ours[dataset] - theirs[dataset] for dataset in ours if dataset in theirs]
    )
    mean = float(differences.mean()) if len(differences) else math.nan
    return PairedTest(name, len(differences), mean, signed_rank_test(differences), math.nan)


def _defined(cells: Sequence[_Cell]) -> dict[str, float]:
    values = {cell.row.dataset: cell.row.statistics[MAIN].value for cell in cells}
    return {dataset: value for dataset, value in values.items() if math.isfinite(value)}


def _tell_undefined(groups: Mapping[str, Sequence[_Cell]], notes: list[str]) -> None:
    """Note where there is no correlation, once for all metrics that lack one at the same places."""
    found: dict[tuple[str, ...], list[str]] = {}
    for metric, cells in groups.items():
        undefined = sorted({cell.row.dataset for cell in cells} - set(_defined(cells)))
        if undefined:
            found.setdefault(tuple(undefined), []).append(metric)
    for datasets, metrics in found.items():
        where = f" on {', '.join(datasets)}" if any(datasets) else ""
        notes.append(
            f"{', '.join(metrics)}: all scores are equal or all accuracies are tied{where}, so "
            "there is no correlation."
        )


def _kind(metric: MetricScores) -> RowKind:
    return "baseline" if metric.baseline else "metric"


def _descending(found: Summary) -> float:
    value = found.statistics[MAIN].value
    return math.inf if math.isnan(value) else -value
