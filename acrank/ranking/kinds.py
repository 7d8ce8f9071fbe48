"""Group models by their kind of normalisation, within which scores of affines compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from acrank.metrics.registry import CONSENSUS, METRICS
from acrank.norm.types import NORM_NAMES, is_generalised
from acrank.results import ModelResult

MIX = "--norms mixed ranks both in one list"


def set_apart(results: Sequence[ModelResult], metrics: Sequence[str]) -> frozenset[str]:
    """The models that scores of norm affines do not compare with the others.

    Where some networks have such a score of BatchNorm, as it is defined, and some of other
    layers, a generalisation, only those of BatchNorm are compared.

    Args:
        results: one a model.
        metrics: that are to order the models.

    Returns:
        Names of the models whose layers are others; none where there is one kind only.
    """
    affine = [name for name in metrics if METRICS[name].of_norms]
    scored = [
        result
        for result in results
        if result.status == "ok" and any(name in result.scores for name in affine)
    ]
    others = frozenset(result.model for result in scored if is_generalised(result.norm_kind))
    return others if len(others) < len(scored) else frozenset()


def unranked_apart(result: ModelResult) -> ModelResult:
    """A result that is not ranked with those of BatchNorm, with the reason."""
    name = NORM_NAMES[str(result.norm_kind)]
    reason = f"its score covers {name}, which is not comparable with BatchNorm (--norms mixed)"
    return replace(result, status="unranked", reason=reason)


def apart_note(apart: frozenset[str], rank_by: str) -> list[str]:
    """Return the note on models that are ranked apart; empty where there are none."""
    if not apart:
        return []
    one = len(apart) == 1
    who = f"{len(apart)} model{'' if one else 's'} without BatchNorm"
    if rank_by == CONSENSUS:
        text = f"Scores of norm affines do not vote for {who}: for LayerNorm and the like they do "
        return [f"{text}not compare with those of BatchNorm. {MIX}."]
    return [f"{who} {'is' if one else 'are'} not ranked by {rank_by}: {MIX}."]
