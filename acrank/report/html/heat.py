"""Metrics side by side: the place of every model by every metric, as a table with tints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from acrank.metrics.registry import CONSENSUS, METRICS, higher_is_better
from acrank.report.ranking_text import GENERALISED, mark_text, metric_text
from acrank.results import RankedModel, Ranking


@dataclass(frozen=True)
class Cell:
    """A model's place by one metric.

    Attributes:
        rank: from 1, equal values sharing the best place; None without a value.
        share: how far up among those with a value, from 0 (last) to 1 (first).
        mark: of a guard that speaks against the value, or of other norms than BatchNorm.
        value: the value itself, as text.
    """

    rank: int | None
    share: float
    mark: str
    value: str


@dataclass(frozen=True)
class Heat:
    """Places by metric.

    Attributes:
        metrics: the columns; each with its direction and what it measures.
        rows: a label and a cell for each metric.
        apart: whether models of other norms than BatchNorm have places of their own by some.
    """

    metrics: tuple[tuple[str, str, str], ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    apart: bool = False


def rank_heat(ranking: Ranking) -> Heat | None:
    """Every model that is scored on the full sample, by every metric; None where there is none.

    Dropped models are left out: their values are of fewer images.
    """
    rows = [row for row in ranking.rows if row.result.status in ("ok", "unranked")]
    rows = [row for row in rows if row.result.scores]
    if not rows:
        return None
    mixed = ranking.record.get("config", {}).get("norms") == "mixed"
    columns = [_column(rows, metric, mixed) for metric in ranking.metrics]
    labels = [f"{row.rank}. {row.result.model}" if row.rank else row.result.model for row in rows]
    by_row = tuple(zip(*columns, strict=True))
    marked = any(GENERALISED in cell.mark for column in columns for cell in column)
    return Heat(
        tuple(_heading(metric) for metric in ranking.metrics),
        tuple(zip(labels, by_row, strict=True)),
        marked and not mixed,
    )


def _heading(metric: str) -> tuple[str, str, str]:
    arrow = "↑" if higher_is_better(metric) else "↓"
    return metric, arrow, "" if metric == CONSENSUS else METRICS[metric].summary


def _column(rows: Sequence[RankedModel], metric: str, mixed: bool) -> list[Cell]:
    sign = 1.0 if higher_is_better(metric) else -1.0
    values = [sign * row.result.value(metric) for row in rows]
    # scores of other norms than BatchNorm have places of their own
    apart = [not mixed and GENERALISED in mark_text(row, metric) for row in rows]
    cells = []
    for row, value, own in zip(rows, values, apart, strict=True):
        if math.isnan(value):
            cells.append(Cell(None, 0.0, "", ""))
            continue
        peers = (each for each, other in zip(values, apart, strict=True) if other == own)
        known = [each for each in peers if not math.isnan(each)]
        above = sum(other > value for other in known)
        share = 1.0 if len(known) < 2 else 1 - above / (len(known) - 1)
        cells.append(Cell(above + 1, share, mark_text(row, metric), metric_text(row, metric)))
    return cells
