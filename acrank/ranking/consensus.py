"""Rank by several metrics: Borda's count, with their uncertainty and disagreement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from acrank.metrics.registry import METRICS
from acrank.ranking.statistics import LEVEL, group_by, known, posterior, shares_of_best
from acrank.ranking.unknown import listed
from acrank.results import ModelResult, RankedModel

Array = NDArray[np.float64]

# Ranks need fewer draws than means do.
DRAWS = 4000


@dataclass(frozen=True)
class Ballot:
    """The votes of one metric; NaN for models without a value.

    Attributes:
        metric: its name.
        points: from 0 (last) to 1 (best), shape (M,).
        drawn: the same for draws of its posterior, shape (draws, M).
        varies: of which models its uncertainty is known, shape (M,).
        places: ranks from 1 on, ties sharing their mean, shape (M,).
    """

    metric: str
    points: Array
    drawn: Array
    places: Array
    varies: NDArray[np.bool_]


def consensus(
    results: Sequence[ModelResult],
    metrics: Sequence[str],
    seed: int,
    apart: Collection[str] = (),
) -> tuple[list[RankedModel], list[str]]:
    """Rank models by the mean of their places under several metrics.

    A metric gives its best model 1 point, its last 0 and the others evenly spaced values in
    between; equal models share. A model's consensus is the mean over the metrics that it has,
    which must be half of them or more. Intervals and the probability of being best come from
    draws of every metric's posterior; what metrics have in common over the same parts of the
    sample (or the same batches), their draws have too. Where a metric's uncertainty is unknown,
    it votes as if it had none, which is said; a model of which that is so of half of the metrics
    or more has no interval.

    Args:
        results: one a model.
        metrics: names, of which the :func:`voters` count.
        seed: of the draws.
        apart: models that scores of norm affines do not vote for; see
            :func:`acrank.ranking.kinds.set_apart`.

    Returns:
        The rows, ranked ones first and best first, and sentences on what voted and how far
        the metrics agree.

    Source:
        Borda, Mémoire sur les élections au scrutin, 1781; Kendall and Babington Smith, The
        Problem of m Rankings, Annals of Mathematical Statistics 10, 1939, for the agreement.
    """
    models = [result for result in results if result.status != "failed"]
    cast = (_ballot(models, name, seed, apart) for name in voters(metrics))
    ballots = [ballot for ballot in cast if ballot is not None]
    votes = [sum(not np.isnan(b.points[i]) for b in ballots) for i in range(len(models))]
    enough = [i for i, count in enumerate(votes) if count and 2 * count >= len(ballots)]
    few = [
        RankedModel(replace(model, status="unranked", reason=_too_few(count, len(ballots))))
        for i, (model, count) in enumerate(zip(models, votes, strict=True))
        if i not in enough
    ]
    failed = [RankedModel(result) for result in results if result.status == "failed"]
    rows = _rows(models, ballots, enough)
    names = [models[index].model for index in enough]
    notes = [*_notes(ballots, len(enough)), *_unknown_notes(ballots, enough, names, rows)]
    return [*rows, *few, *failed], notes


def voters(metrics: Sequence[str]) -> list[str]:
    """The metrics that vote: scores, not controls and baselines; of two forms of a score one."""
    return [
        name
        for name in metrics
        if METRICS[name].role == "score" and METRICS[name].form_of not in metrics
    ]


def _ballot(
    models: Sequence[ModelResult], name: str, seed: int, apart: Collection[str]
) -> Ballot | None:
    """A metric's vote; None where fewer than two models have it."""
    out = apart if METRICS[name].of_norms else ()
    have = [i for i, model in enumerate(models) if name in model.scores and model.model not in out]
    if len(have) < 2:
        return None
    sign = METRICS[name].sign
    estimates = [models[index].scores[name] for index in have]
    values = sign * np.array([[estimate.value for estimate in estimates]])
    drawn, varies = np.repeat(values, DRAWS, axis=0), np.zeros(len(models), dtype=bool)
    places = known(estimates)
    posterior_draws = posterior([estimates[place] for place in places], seed, DRAWS)
    if posterior_draws is not None:
        drawn[:, places] = sign * posterior_draws
        varies[[have[place] for place in places]] = True
    points, draws = np.full(len(models), np.nan), np.full((DRAWS, len(models)), np.nan)
    ranks = np.full(len(models), np.nan)
    points[have], draws[:, have] = _points(values)[0], _points(drawn)
    ranks[have] = _ranked(-values[0])
    return Ballot(name, points, draws, ranks, varies)


def _ranked(values: Array) -> Array:
    """Ranks along the last axis from 1 on, ties sharing their mean."""
    from scipy.stats import rankdata  # takes a second, and other rankings do not need it

    ranks: Array = rankdata(values, axis=-1)
    return ranks


def _points(values: Array) -> Array:
    """Ranks along the last axis as numbers from 0 to 1."""
    ranks: Array = _ranked(values)
    points: Array = (ranks - 1) / (values.shape[-1] - 1)
    return points


def _rows(
    models: Sequence[ModelResult], ballots: Sequence[Ballot], enough: Sequence[int]
) -> list[RankedModel]:
    if not enough:
        return []
    # rounded, so that the order of the metrics does not part what is equal
    score = np.nanmean([ballot.points[enough] for ballot in ballots], axis=0).round(12)
    order = sorted(range(len(enough)), key=lambda i: (-score[i], models[enough[i]].model))
    places = np.array([ballot.places[enough] for ballot in ballots])[:, order]
    rows = [
        RankedModel(
            replace(models[enough[index]], status="ok", reason=""),
            rank + 1,
            float(score[index]),
            places=(int(np.nanmin(places[:, rank])), int(np.ceil(np.nanmax(places[:, rank])))),
        )
        for rank, index in enumerate(order)
    ]
    voted = np.array([~np.isnan(ballot.points[enough]) for ballot in ballots])[:, order]
    varying = np.array([ballot.varies[enough] for ballot in ballots])[:, order]
    certain = np.flatnonzero(2 * varying.sum(axis=0) > voted.sum(axis=0))
    if len(certain) < min(2, len(rows)):
        return rows
    drawn = np.nanmean([ballot.drawn[:, enough] for ballot in ballots], axis=0)[:, order].round(12)
    told = _with_uncertainty([rows[place] for place in certain], drawn[:, certain])
    for place, row in zip(certain, told, strict=True):
        rows[place] = row
    return rows


def _with_uncertainty(rows: Sequence[RankedModel], drawn: Array) -> list[RankedModel]:
    """Rows with intervals, the probability of being best and tie groups, from (draws, M)."""
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    best = shares_of_best(drawn)
    groups = group_by(len(rows), lambda first, other: _apart(drawn[:, first] - drawn[:, other]))
    return [
        replace(
            row,
            low=min(row.score or 0.0, float(low[rank])),
            high=max(row.score or 0.0, float(high[rank])),
            p_best=float(best[rank]),
            tie_group=groups[rank],
        )
        for rank, row in enumerate(rows)
    ]


def _apart(difference: Array) -> bool:
    return float((difference <= 0).mean()) < (1 - LEVEL) / 2


def _too_few(count: int, ballots: int) -> str:
    return f"has {count} of the {ballots} metrics that vote"


def _notes(ballots: Sequence[Ballot], ranked: int) -> list[str]:
    if not ballots:
        return ["There is no consensus, because it needs two models with a score that votes."]
    names = ", ".join(ballot.metric for ballot in ballots)
    notes = [f"The consensus is the mean rank by {len(ballots)} metrics: {names}."]
    agreement = _agreement(np.array([ballot.places for ballot in ballots]))
    if len(ballots) > 1 and ranked > 2 and agreement is not None:
        notes.append(f"Their agreement is {agreement:.2f} (Kendall's W; 0 none, 1 full).")
    return notes


def _unknown_notes(
    ballots: Sequence[Ballot],
    enough: Sequence[int],
    names: Sequence[str],
    rows: Sequence[RankedModel],
) -> list[str]:
    """Whose uncertainty the intervals leave out, and who has none; nothing where all is known."""
    parts = []
    for ballot in ballots:
        fixed = ~ballot.varies[enough] & ~np.isnan(ballot.points[enough])
        if fixed.any():
            some = [name for name, out in zip(names, fixed, strict=True) if out]
            of = f" of {listed(some)}" if ballot.varies[enough].any() else ""
            parts.append(f"{ballot.metric}{of}")
    if not parts:
        return []
    notes = [
        f"The variation of a score is unknown for {'; '.join(parts)}: it votes as if it did not "
        "vary."
    ]
    without = [row.result.model for row in rows if row.tie_group is None]
    if without:
        who = "No model has" if len(without) == len(rows) else f"{listed(without)}: without"
        notes.append(
            f"{who} an interval, P(top) or a tie group: that is half of the votes or more."
        )
    return notes


def _agreement(places: Array) -> float | None:
    """Kendall's W of rankings (K, M), over the models that all of them rank; None for too few."""
    whole = ~np.isnan(places).any(axis=0)
    if whole.sum() < 3:
        return None
    ranks = _ranked(places[:, whole])
    metrics, models = ranks.shape
    spread = float(((ranks.sum(axis=0) - ranks.sum(axis=0).mean()) ** 2).sum())
    counts = [np.unique(row, return_counts=True)[1].astype(np.float64) for row in ranks]
    ties = sum(float((count**3 - count).sum()) for count in counts)
    largest = metrics**2 * (models**3 - models) - metrics * ties
    return 12 * spread / largest if largest > 0 else None
