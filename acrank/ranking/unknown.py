"""Say whose uncertainty is unknown, and why."""

from __future__ import annotations

from collections.abc import Sequence

from acrank.metrics.guards import NO_INTERVAL
from acrank.metrics.registry import METRICS, is_metric
from acrank.results import ModelResult, RankedModel

# Names in a note before it says how many more.
NAMED = 3


def why_unknown(result: ModelResult, metric: str) -> str:
    """Why nothing tells how far a model's score varies, in words; empty where something does.

    Args:
        result: of the model.
        metric: the score; nothing is said of a consensus, of a race, or of a score that it does
            not have.
    """
    if not is_metric(metric) or metric not in result.scores:
        return ""
    guards = result.guards.get(metric, {})
    fired = [f"{name}: {guards[name]}" for name in NO_INTERVAL if name in guards]
    unknown = result.scores[metric].unknown
    return (fired or [unknown])[0] if unknown else ""


def unknown_notes(rows: Sequence[RankedModel], rank_by: str) -> list[str]:
    """A sentence on the ranked models whose uncertainty is unknown; nothing where there are none.

    Args:
        rows: the ranked models.
        rank_by: the metric that orders them, no consensus. Of a metric of the model alone, which
            no image moves, nothing is said.
    """
    if not METRICS[rank_by].sees_images:
        return []
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.tie_group is None:
            reason = why_unknown(row.result, rank_by) or "it has no pairs with the others"
            reasons.setdefault(reason, []).append(row.result.model)
    count = sum(map(len, reasons.values()))
    if not count:
        return []
    if count == len(rows):
        why = "; ".join(reasons) if len(reasons) <= NAMED else "for several reasons"
        return [
            f"The variation of {rank_by} is unknown ({why}), so there are no tie groups and no "
            f"P(top).{_advice(rows, rank_by)}"
        ]
    named = "; ".join(f"{listed(names)} ({reason})" for reason, names in reasons.items())
    others = len(rows) - count
    return [
        f"The variation of {rank_by} is unknown for {named}; P(top) and tie groups cover the "
        f"other {others} models."
    ]


def _advice(rows: Sequence[RankedModel], rank_by: str) -> str:
    few = any("few-images" in row.result.guards.get(rank_by, ()) for row in rows)
    return " Draw a larger sample (--samples), with several images of each class." if few else ""


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
