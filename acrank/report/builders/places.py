"""Set metrics side by side: the place of every model by every metric."""

from __future__ import annotations

import math
from collections.abc import Sequence

from acrank.metrics.registry import CONSENSUS, METRICS, higher_is_better
from acrank.report.builders.ranking_words import GENERALISED, arrow, better, mark_text, metric_text
from acrank.report.document import Cell, Column, Details, Row, Section, Table, Text, table_of
from acrank.results import RankedModel, Ranking

LEGEND = (
    "The place of every model by every metric, each in its own direction (↑ higher is better, ↓ "
    "lower is better): 1 is the best. A place marked ! belongs to a number that a guard warns "
    "about; an empty cell means that the metric has no value."
)
APART = " By scores of norm affines, models without BatchNorm have separate places, marked *."


def places_section(ranking: Ranking) -> tuple[Section, ...]:
    """Make the section of places, values and definitions; empty if no model has a score."""
    table = places_table(ranking)
    if not any(row.result.scores for row in ranking.rows):
        return ()
    values = table_of(
        "Values of every metric",
        ["model", *ranking.metrics],
        (
            [row.result.model, *(metric_text(row, metric) for metric in ranking.metrics)]
            for row in ranking.rows
            if row.result.scores
        ),
    )
    columns = ("metric", "direction", "measures", "when to distrust it")
    measured = table_of(
        "What the metrics measure",
        columns,
        (
            [name, better(name), METRICS[name].summary, METRICS[name].distrust]
            for name in ranking.metrics
        ),
        words=columns,
    )
    distrust = "What the metrics measure, and when to distrust them"
    tints = Text("The deeper the tint, the better the place.", tints=True)
    blocks = (
        *((Text(_legend(ranking, table)), tints, table) if table else ()),
        Details("The values", (values,)),
        Details(distrust, (measured,)),
    )
    return (Section("Metrics side by side", "metrics", blocks, link="Metrics"),)


def _legend(ranking: Ranking, table: Table) -> str:
    marked = any(GENERALISED in str(cell) for row in table.rows for cell in row.cells[1:])
    return LEGEND + (APART if marked and not _mixed(ranking) else "")


def places_table(ranking: Ranking) -> Table | None:
    """Tabulate the places of the models that are scored on the full sample; None without any.

    Dropped models are left out: their values are of fewer images.
    """
    rows = [row for row in ranking.rows if row.result.status in ("ok", "unranked")]
    rows = [row for row in rows if row.result.scores]
    if not rows:
        return None
    columns = [_column(rows, metric, _mixed(ranking)) for metric in ranking.metrics]
    labels = [f"{row.rank}. {row.result.model}" if row.rank else row.result.model for row in rows]
    return Table(
        "Places by metric",
        (Column("model", words=True), *map(_heading, ranking.metrics)),
        tuple(Row(line) for line in zip(labels, *columns, strict=True)),
    )


def _mixed(ranking: Ranking) -> bool:
    return bool(ranking.record.get("config", {}).get("norms") == "mixed")


def _heading(metric: str) -> Column:
    note = "" if metric == CONSENSUS else METRICS[metric].summary
    return Column(f"{metric} {arrow(metric)}", note=note, turned=True)


def _column(rows: Sequence[RankedModel], metric: str, mixed: bool) -> list[Cell]:
    """Rank one metric from 1, equal values sharing a place; the tint is 1 for the first."""
    sign = 1.0 if higher_is_better(metric) else -1.0
    values = [sign * row.result.value(metric) for row in rows]
    # scores of other norms than BatchNorm have places of their own
    apart = [not mixed and GENERALISED in mark_text(row, metric) for row in rows]
    cells = []
    for row, value, own in zip(rows, values, apart, strict=True):
        if math.isnan(value):
            cells.append(Cell(""))
            continue
        peers = (each for each, other in zip(values, apart, strict=True) if other == own)
        known = [each for each in peers if not math.isnan(each)]
        above = sum(other > value for other in known)
        share = 1.0 if len(known) < 2 else 1 - above / (len(known) - 1)
        text = f"{above + 1}{mark_text(row, metric)}"
        cells.append(Cell(text, share, note=metric_text(row, metric)))
    return cells
