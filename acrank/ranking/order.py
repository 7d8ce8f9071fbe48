"""Rank results: order, intervals, probability of being best, tie groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from acrank.metrics.registry import AC_CORR, CONSENSUS, DEFAULT, METRICS
from acrank.ranking.consensus import consensus
from acrank.ranking.expected import with_expected
from acrank.ranking.kinds import apart_note, set_apart, unranked_apart
from acrank.ranking.relative import with_relative_scores
from acrank.ranking.statistics import compared, interval
from acrank.ranking.unknown import unknown_notes
from acrank.results import ModelResult, RankedModel, Ranking


def rank_results(
    results: Sequence[ModelResult],
    rank_by: str,
    seed: int,
    *,
    metrics: tuple[str, ...] = AC_CORR,
    voting: tuple[str, ...] | None = None,
    warnings: Sequence[str] = (),
    record: dict[str, Any] | None = None,
    interrupted: bool = False,
    mixed: bool = False,
) -> Ranking:
    """Order results by a metric, or by the consensus of several.

    Models that are not ``ok`` follow without a rank: dropped first, then unranked, then failed,
    in the order they came. Metrics that are defined only relative to the zoo are computed here;
    dropped models, whose scores are of fewer images, have no part in them.

    Args:
        results: one a model.
        rank_by: a metric, or ``consensus``.
        seed: of the draws behind the probability of being best.
        metrics: those to report.
        voting: those of them among which scores vote in a consensus; None for all.
        warnings: sentences about the run as a whole.
        record: configuration, versions and dataset of the run; accuracies are expected where it
            says what the labels are.
        interrupted: whether the run was stopped before its end.
        mixed: whether scores of norm affines compare models of BatchNorm with others.
    """
    dropped = [RankedModel(result) for result in results if result.status == "dropped"]
    results = [result for result in results if result.status != "dropped"]
    results = with_relative_scores(results, metrics)
    by = (voting or metrics) if rank_by == CONSENSUS else (rank_by,)
    apart = frozenset() if mixed else set_apart(results, by)
    if rank_by == CONSENSUS:
        rows, notes = consensus(results, by, seed, apart)
    else:
        judged = [r.judged_by(rank_by) for r in results]
        judged = [unranked_apart(r) if r.model in apart else r for r in judged]
        rows, notes = _by_metric(judged, rank_by, seed)
    notes = [*notes, *apart_note(apart, rank_by)]
    ranked = [row for row in rows if row.rank is not None]
    rest = [row for kind in ("unranked", "failed") for row in rows if row.result.status == kind]
    rows = [*ranked, *dropped, *rest]
    return with_expected(
        Ranking(tuple(rows), rank_by, (*warnings, *notes), record or {}, metrics, interrupted)
    )


def _by_metric(
    results: Sequence[ModelResult], rank_by: str, seed: int
) -> tuple[list[RankedModel], list[str]]:
    """The ranked rows, best first, then a row for each other result."""
    sign = METRICS[rank_by].sign
    scored = sorted(
        (result for result in results if result.status == "ok"),
        key=lambda result: (-sign * result.value(rank_by), result.model),
    )
    rest = [RankedModel(result) for result in results if result.status != "ok"]
    rows = _ranked(scored, rank_by, sign, seed)
    notes = [*_target_blind(scored, rank_by), *unknown_notes(rows, rank_by)]
    return [*rows, *rest], notes


def _target_blind(scored: Sequence[ModelResult], rank_by: str) -> list[str]:
    """A warning where the order is that of the zero-drift value, which sees no target image."""
    zeros = [result.value("ac_corr_zero") for result in scored]
    if rank_by != "ac_corr" or len(scored) < 3 or zeros != sorted(zeros, reverse=True):
        return []
    return [
        "ac_corr_zero, which sees no target image, gives the same order: here the ranking tells "
        f"the checkpoints apart, not how well they suit these data. --rank-by {DEFAULT}, the "
        "default, reads the labels of the target."
    ]


def _ranked(
    scored: Sequence[ModelResult], rank_by: str, sign: float, seed: int
) -> list[RankedModel]:
    estimates = [result.scores[rank_by] for result in scored]
    beside = compared(estimates, sign, seed)
    rows = []
    for index, (result, estimate) in enumerate(zip(scored, estimates, strict=True)):
        low, high = interval(estimate) or (None, None)
        p_best, group = beside.get(index, (None, None))
        rows.append(RankedModel(result, index + 1, estimate.value, low, high, p_best, group))
    return rows
