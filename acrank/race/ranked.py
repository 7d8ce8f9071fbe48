"""Rank backbones by a race: what was chosen first, then the others by their best arms.

So whatever reads a ranking reads a choice: the gate, a comparison of two runs, a report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from acrank.metrics.registry import FINE_TUNED
from acrank.race.belief import within
from acrank.race.result import Choice, Standing
from acrank.ranking.unknown import listed
from acrank.results import ModelResult, RankedModel, Ranking

# Models that cannot be told apart from the chosen one are one tie group; others have none.
ALIKE = 1


def ranking_of(choice: Choice) -> Ranking:
    """Return a ranking with one row for each model of the look.

    A model that raced has the score of its best arm: the measure that is expected of it. Rank 1 is
    what was chosen, even where a dearer model that cannot be told apart from it is expected to be
    a little better. Without a race its score is what it was judged by. A model that did not race
    is ``dropped`` and has no rank.

    Args:
        choice: finished.
    """
    by_model: dict[str, list[Standing]] = {}
    for one in choice.standings:
        by_model.setdefault(one.arm.model, []).append(one)
    looked = {row.result.model: row for row in choice.ranking.rows}
    raced = [m for m, arms in by_model.items() if arms[0] is choice.chosen or best_arm(arms)]
    for model, arms in by_model.items():
        if model not in looked:  # a favourite that the look had no time for
            bare = ModelResult(model, "ok", params=arms[0].params, license=arms[0].license)
            looked[model] = RankedModel(bare)
    rows = [
        _row(looked[model].result, by_model[model], rank) for rank, model in enumerate(raced, 1)
    ]
    if rows[0].score is None:  # there was no time for a race
        found = choice.judged
        rows[0] = replace(rows[0], score=found.value, low=found.low, high=found.high)
    rest = [
        RankedModel(_not_raced(row, by_model.get(model, ()), choice.ranking))
        for model, row in looked.items()
        if model not in raced
    ]
    kinds = [row for kind in ("dropped", "failed") for row in rest if row.result.status == kind]
    return Ranking(
        (*rows, *kinds),
        rank_by_of(choice.measure),
        choice.notes,
        choice.record,
        choice.ranking.metrics,
    )


def rank_by_of(measure: str) -> str:
    """Name what a race is ranked by, such as ``fine-tuned balanced accuracy``.

    Args:
        measure: key of the measure.
    """
    return FINE_TUNED + measure.replace("_", " ")


def has_result(standing: Standing) -> bool:
    """Return whether an arm has a place; one that failed later on has none that counts."""
    return standing.place is not None and standing.status != "failed"


def best_arm(arms: Sequence[Standing]) -> Standing | None:
    """Return the first arm with a result, in the order of the choice; None if none has one."""
    return next(filter(has_result, arms), None)


def interval_of(standing: Standing) -> tuple[float, float] | None:
    """Return the 95 % interval of what is expected of an arm; None where it is not known.

    It is as wide as in the last rung that the arm raced, but ends where the measure does. What is
    expected of the arm at the end may lie elsewhere, as that is relative to the winner of that
    rung.

    Args:
        standing: of the arm.
    """
    for lap in reversed(standing.laps):
        if lap.expected is None or standing.expected is None:
            continue
        if lap.low is None or lap.high is None:
            return None
        shift = standing.expected - lap.expected
        return within(lap.low + shift), within(lap.high + shift)
    return None


def _row(result: ModelResult, arms: Sequence[Standing], rank: int) -> RankedModel:
    best = best_arm(arms) or arms[0]
    low, high = interval_of(best) or (None, None)
    chances = [one.p_best for one in arms if one.p_best is not None]
    alike = rank == 1 or any(one.alike for one in arms)
    return RankedModel(
        replace(result, status="ok", reason=""),
        rank,
        best.expected,
        low,
        high,
        sum(chances) if chances else None,
        ALIKE if alike else None,
    )


def _not_raced(row: RankedModel, arms: Sequence[Standing], look: Ranking) -> ModelResult:
    """Say why a model has no result in the race."""
    result = row.result
    if arms:
        failed = [one for one in arms if one.status == "failed"]
        told = listed(list(dict.fromkeys(one.reason for one in failed or arms if one.reason)))
        return replace(result, status="failed" if failed else "dropped", reason=told)
    if result.status == "failed":
        return result
    ranked = sum(one.rank is not None for one in look.rows)
    why = result.reason or result.status
    if row.rank is not None:
        why = f"rank {row.rank} of {ranked}"
    return replace(result, status="dropped", reason=f"not in the race: {why}")
