"""Add to a ranking what accuracy is expected of its models, and what following it loses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acrank.expectation import PREFERRED, Expected, Target, expect, kind_of, outcomes
from acrank.expectation.outcomes import SEVERAL
from acrank.results import ModelResult, Outlook, RankedModel, Ranking
from acrank.tasks.registry import TASKS

# Of two networks whose sizes differ by less than such a share, neither is cheaper.
CHEAPER = 0.1
# The one score that was learned of where labels are of pixels or voxels.
OF_PIXELS = "log_me"


def with_expected(ranking: Ranking) -> Ranking:
    """Add expected accuracies to the ranked models, and the outlook to the ranking.

    What is expected of a model depends on its prior, its score and the labels of the sample alone.
    P(best) and points lost compare all ranked models; they are left out where of one of them
    neither prior nor score is known, or nobody asked for priors.

    Args:
        ranking: its record says what the labels of the sample are; where it does not, as that of
            an earlier version, nothing is expected.

    Raises:
        ExpectationError: the weights cannot be read.
    """
    dataset: Mapping[str, Any] = ranking.record.get("dataset") or {}
    target, shares = target_of(dataset), shares_of(dataset)
    ranked = [row for row in ranking.rows if row.rank is not None]
    if not target or shares is None or not any(row.result.beforehand for row in ranked):
        return ranking
    score = score_of([row.result for row in ranked], target)
    found = [_expected(row.result, score, shares, target) for row in ranked]
    rows = [
        row if one is None else replace(row, expected=one.mean, expected_deviation=one.deviation)
        for row, one in zip(ranked, found, strict=True)
    ]
    candidates = [one for one in found if one is not None]
    outlook = None
    if len(candidates) == len(rows) > 1:
        rows, outlook = _compared(rows, candidates, target, score)
    rest = [row for row in ranking.rows if row.rank is None]
    return replace(ranking, rows=(*rows, *rest), outlook=outlook)


def target_of(dataset: Mapping[str, Any]) -> Target | None:
    """Say what the weights call labels such as a run's; None where nothing was learned of them.

    Args:
        dataset: of a run's record.
    """
    name = dataset.get("task")
    return (TASKS[name].target or None) if isinstance(name, str) and name in TASKS else None


def shares_of(dataset: Mapping[str, Any]) -> NDArray[np.float64] | None:
    """Return the share of each class among the labels of a run's sample; None where unknown.

    Of masks, from which as many pixels of each class are drawn, a class has the share of the images
    that hold it.

    Args:
        dataset: of a run's record.
    """
    counts = dataset.get("class_images")
    held = np.array([count for count in counts or () if count], dtype=np.float64)
    return held / held.sum() if held.size > 1 else None


def score_of(results: Sequence[ModelResult], target: Target) -> str:
    """Return the score to weigh: the first of those learned of that a model has; empty for none."""
    known = PREFERRED if target == "classes" else (OF_PIXELS,)
    return next((name for name in known if any(name in r.scores for r in results)), "")


def _expected(
    result: ModelResult, score: str, shares: NDArray[np.float64], target: Target
) -> Expected | None:
    """Expect the accuracy of a model; None where neither a prior nor a score is known."""
    known = result.beforehand
    if known is None or (known.mean is None and score not in result.scores):
        return None
    return expect(known, score, result.value(score), shares, target)


def _compared(
    rows: Sequence[RankedModel], candidates: Sequence[Expected], target: Target, score: str
) -> tuple[list[RankedModel], Outlook]:
    found = outcomes(candidates, target, taken=range(len(rows)))
    rows = [
        replace(row, p_best_accuracy=chance, points_lost=lost)
        for row, chance, lost in zip(rows, found.p_best, found.lost, strict=True)
    ]
    alike = [rows[place] for place in found.alike]
    return rows, Outlook(
        score,
        kind_of(candidates, target),
        found.lost_first,
        found.lost_first_most,
        found.lost_several,
        min(SEVERAL, len(rows)),
        tuple(row.result.model for row in alike if row.rank != rows[0].rank),
        _cheapest(alike),
    )


def _cheapest(rows: Sequence[RankedModel]) -> str | None:
    """Name the first of the networks that have hardly more parameters than the smallest."""
    sizes = [row.result.params for row in rows]
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        return None
    most = min(known) / (1 - CHEAPER)
    return next(row.result.model for row in rows if (row.result.params or 0) <= most)
