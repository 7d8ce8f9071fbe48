"""Report what changed between two runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from acrank.report.builders.ranking_words import listed, number_text
from acrank.report.document import Column, Document, Items, Records, Report, tabulate
from acrank.results import RankedModel
from acrank.results.changes import Changes, Move
from acrank.results.difference import Difference

# Columns for people, by their names for programs.
COLUMNS = {
    "model": Column("model", words=True),
    "change": Column("change", words=True),
    "rank_old": Column("rank old"),
    "rank_new": Column("rank new"),
    "score_old": Column("score old", priority=2),
    "score_new": Column("score new", priority=2),
    "difference": Column("difference", priority=1),
    "tie_group_old": Column("tie group old", priority=3),
    "tie_group_new": Column("tie group new", priority=3),
    "note": Column("note", words=True),
}


@dataclass(frozen=True)
class ComparisonReport(Report):
    """The differences between two runs, to show."""

    found: Changes

    def document(self) -> Document:
        """Make a table of the models that changed, and say what the runs differ in."""
        rows = [row for row in self.data_of_models() if row["change"] != "none"]
        fields = [(column, _cell(name)) for name, column in COLUMNS.items()]
        table = [tabulate("Models that changed", fields, rows, silent=True)] if rows else []
        return Document((*table, Items(tuple(self.summary()))))

    def summary(self) -> list[str]:
        """Count the unchanged models, and name differences of data, settings and libraries."""
        found = self.found
        same = len(found.moves) - len(found.changed)
        lines = [f"{len(found.moves)} models are in both runs; {same} of them are unchanged."]
        if found.differences:
            told = "; ".join(map(_difference, found.differences))
            lines.append(f"The two runs are not comparable: {told}.")
        if found.versions:
            lines.append(f"Other versions: {listed([_difference(v) for v in found.versions])}.")
        return lines

    def records(self) -> Records:
        """Make a CSV row for each model, changed or not."""
        return Records(tuple(COLUMNS), self.data_of_models())

    def data(self) -> dict[str, Any]:
        """Give the differences of the runs and the values of every model."""

        def told(differences: Iterable[Difference]) -> list[dict[str, Any]]:
            return [{"what": d.what, "old": d.first, "new": d.second} for d in differences]

        return {
            "differences": told(self.found.differences),
            "versions": told(self.found.versions),
            "models": self.data_of_models(),
        }

    def data_of_models(self) -> list[dict[str, Any]]:
        """Give the values of every model: first those of both runs, then new and gone ones."""
        found = self.found
        return [
            *(_row(move.model, _kind(move), move.old, move.new, move) for move in found.moves),
            *(_row(row.result.model, "new", None, row) for row in found.new),
            *(_row(row.result.model, "gone", row, None) for row in found.gone),
        ]


def changes_lines(found: Changes) -> list[str]:
    """Say what changed in a sentence for each kind of change; empty if nothing did.

    Args:
        found: between two runs.
    """
    ranks = [
        f"{move.model} ({move.old.rank or move.old.result.status} to "
        f"{move.new.rank or move.new.result.status})"
        for move in found.moves
        if (move.old.rank, move.old.result.status) != (move.new.rank, move.new.result.status)
    ]
    groups = (
        ("Other than in the baseline", [_difference(one) for one in found.differences]),
        ("New since the baseline", [row.result.model for row in found.new]),
        ("Gone since the baseline", [row.result.model for row in found.gone]),
        ("Other ranks", ranks),
        ("Other weights", [move.model for move in found.moves if move.reweighted]),
        ("Other versions of libraries", [_difference(one) for one in found.versions]),
    )
    return [f"{what}: {listed(names)}." for what, names in groups if names]


def _cell(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda row: _text(row[name])


def _row(
    model: str,
    change: str,
    old: RankedModel | None,
    new: RankedModel | None,
    move: Move | None = None,
) -> dict[str, Any]:
    return {
        "model": model,
        "change": change,
        "rank_old": old and old.rank,
        "rank_new": new and new.rank,
        "score_old": old and old.score,
        "score_new": new and new.score,
        "difference": move and move.difference,
        "tie_group_old": old and old.tie_group,
        "tie_group_new": new and new.tie_group,
        "note": _note(old, new, move) or None,
    }


def _kind(move: Move) -> str:
    if move.old.result.status != move.new.result.status:
        return f"{move.old.result.status} to {move.new.result.status}"
    if move.old.rank != move.new.rank:
        return "up" if (move.new.rank or 0) < (move.old.rank or 0) else "down"
    return "changed" if move.changed else "none"


def _note(old: RankedModel | None, new: RankedModel | None, move: Move | None) -> str:
    reason = (new or old).result.reason if new or old else ""  # type: ignore[union-attr]
    parts = [reason] if reason else []
    if move and move.reweighted:
        parts.append(f"other weights: {move.old.result.revision} to {move.new.result.revision}")
    return "; ".join([*parts, *(move.raised if move else ())])


def _difference(one: Difference) -> str:
    return f"{one.what} ({one.first} to {one.second})"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return number_text(value) if isinstance(value, float) else str(value)
