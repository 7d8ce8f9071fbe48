"""Results to a ranking: order, intervals, probability of being best, tie groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from acrank.metrics import METRICS
from acrank.results import ModelResult, RankedModel, Ranking
from acrank.statistics import interval, probability_of_best, tie_groups


def rank_results(
    results: Sequence[ModelResult],
    rank_by: str,
    seed: int,
    *,
    warnings: Sequence[str] = (),
    record: dict[str, Any] | None = None,
    interrupted: bool = False,
) -> Ranking:
    """Order results by the mean of a metric over the trials.

    Models that are not ``ok`` follow without a rank: unranked first, then failed, in the order
    they came.

    Args:
        results: one a model.
        rank_by: a metric that every ``ok`` result has.
        seed: of the draws behind the probability of being best.
        warnings: sentences about the run as a whole.
        record: configuration, versions and dataset of the run.
        interrupted: whether the run was stopped before its end.
    """
    sign = 1.0 if METRICS[rank_by].higher_is_better else -1.0
    scored = sorted(
        (result for result in results if result.status == "ok"),
        key=lambda result: (-sign * result.mean(rank_by), result.model),
    )
    rest = [r for status in ("unranked", "failed") for r in results if r.status == status]
    return Ranking(
        (*_ranked(scored, rank_by, sign, seed), *map(RankedModel, rest)),
        rank_by,
        (*warnings, *_target_blind(scored, rank_by)),
        record or {},
        interrupted,
    )


def _target_blind(scored: Sequence[ModelResult], rank_by: str) -> list[str]:
    """A warning where the order is that of the zero-drift value, which sees no target image."""
    zeros = [result.mean("ac_corr_zero") for result in scored]
    if rank_by != "ac_corr" or len(scored) < 3 or zeros != sorted(zeros, reverse=True):
        return []
    return [
        "ac_corr_zero, which sees no target image, gives the same order: here the ranking tells "
        "the checkpoints apart, not how well they suit these data. A larger --lr weighs the "
        "target more."
    ]


def _ranked(
    scored: Sequence[ModelResult], rank_by: str, sign: float, seed: int
) -> list[RankedModel]:
    if not scored:
        return []
    trials = np.array([result.scores[rank_by] for result in scored])
    best = probability_of_best(sign * trials, seed)
    groups = tie_groups(list(trials))
    rows = []
    for index, result in enumerate(scored):
        low, high = interval(trials[index]) or (None, None)
        p_best = None if best is None else float(best[index])
        group = None if groups is None else groups[index]
        mean = float(trials[index].mean())
        rows.append(RankedModel(result, index + 1, mean, low, high, p_best, group))
    return rows
