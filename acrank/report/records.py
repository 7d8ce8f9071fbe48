"""A ranking as rows and documents: CSV, JSON, Markdown."""

from __future__ import annotations

from typing import Any

from acrank.metrics.registry import CONSENSUS
from acrank.ranking import consensus
from acrank.ranking.statistics import DRAWS
from acrank.report.cells import markdown_table
from acrank.report.markdown import escaped
from acrank.report.ranking_text import UNKNOWN, any_compared, mark_text, norm_notes
from acrank.results import RankedModel, Ranking, row_values
from acrank.results.file import SCHEMA
from acrank.results.record import to_record
from acrank.utils.serialise import csv_text, json_text


def to_csv(ranking: Ranking) -> str:
    """The ranking as CSV with a header; missing values are empty."""
    return csv_text(ranking.columns, (row_values(row, ranking.metrics) for row in ranking.rows))


def to_json(ranking: Ranking) -> str:
    """The ranking as strict JSON: rows, trials, layers, configuration, versions, dataset."""
    document = {
        "schema_version": SCHEMA,
        **ranking.record,
        "rank_by": ranking.rank_by,
        "interrupted": ranking.interrupted,
        "warnings": list(ranking.warnings),
        "metrics": list(ranking.metrics),
        **_uncertainty(ranking.rank_by),
        "norm_notes": norm_notes(ranking),
        "models": [_model_record(row, ranking.metrics) for row in ranking.rows],
    }
    return json_text(document)


def _uncertainty(rank_by: str) -> dict[str, str]:
    if rank_by == CONSENSUS:
        drawn = f"of {consensus.DRAWS} draws of the posterior of every metric that votes"
        return {"interval": f"95 % quantiles {drawn}", "p_best": f"share {drawn}"}
    return {
        "interval": "Student's 95 %, over trials (batches) or replicates (parts of the sample)",
        "p_best": f"multivariate t of the paired estimates, {DRAWS} draws",
    }


def to_markdown(ranking: Ranking) -> str:
    """The main columns as a GitHub table."""
    header = ("rank", "model", "score", "95 % interval", "P(best)", "tie", "status")
    by = ranking.rank_by
    compared = any_compared(ranking.rows)
    table = markdown_table(header, (_markdown_cells(row, by, compared) for row in ranking.rows))
    notes = [escaped(note) for note in norm_notes(ranking)]
    return "\n".join([table, *notes, ""]) if notes else table


def _model_record(row: RankedModel, metrics: tuple[str, ...]) -> dict[str, Any]:
    values = {**row_values(row, metrics), **to_record(row.result)}
    values["places"] = row.places
    return values


def _markdown_cells(row: RankedModel, by: str, compared: bool) -> list[str]:
    def number(value: float | None, digits: int) -> str:
        return "" if value is None else f"{value:.{digits}g}"

    missing = UNKNOWN if compared and row.rank is not None else ""
    between = missing if row.low is None else f"{number(row.low, 4)} to {number(row.high, 4)}"
    status = row.result.status + (f": {row.result.reason}" if row.result.reason else "")
    return [
        str(row.rank or ""),
        row.result.model,
        number(row.score, 4) + (mark_text(row, by) if row.score is not None else ""),
        between,
        missing if row.p_best is None else f"{row.p_best:.2f}",
        str(row.tie_group or missing),
        status,
    ]
