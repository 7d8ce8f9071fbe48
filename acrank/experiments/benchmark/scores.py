"""The scores of an experiment: which compare with one another, and their table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from acrank.metrics.registry import METRICS
from acrank.ranking.kinds import set_apart
from acrank.results import Ranking, row_values
from acrank.utils.serialise import csv_text


def not_compared(ranking: Ranking) -> frozenset[str]:
    """Models whose scores of norm affines are of other layers than BatchNorm, beside some of it.

    ``--norms mixed`` compares them all the same.
    """
    if ranking.record.get("config", {}).get("norms") == "mixed":
        return frozenset()
    return set_apart([row.result for row in ranking.rows], ranking.metrics)


def scores_csv(rankings: Mapping[str, Ranking]) -> str:
    """Scores of every model on every dataset, one row each.

    Args:
        rankings: by dataset, of the same metrics.
    """
    metrics = next(iter(rankings.values())).metrics
    columns = ("dataset", "model", *metrics)
    rows = (
        {"dataset": name, **{column: values[column] for column in columns[1:]}}
        for name, ranking in rankings.items()
        for values in _comparable(ranking)
    )
    return csv_text(columns, rows)


def _comparable(ranking: Ranking) -> Iterator[dict[str, Any]]:
    """Each model's scores, without those that do not compare with the others'."""
    affine = [name for name in ranking.metrics if METRICS[name].of_norms]
    apart = not_compared(ranking)
    for row in ranking.rows:
        values = row_values(row, ranking.metrics)
        yield {**values, **(dict.fromkeys(affine) if row.result.model in apart else {})}
