"""What changed between two runs, in words and as table, CSV, JSON and Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console

from acrank.report.cells import markdown_table, plain
from acrank.report.markdown import escaped
from acrank.report.ranking_text import number_text
from acrank.report.table import print_rows
from acrank.results import RankedModel
from acrank.results.changes import Changes, Move
from acrank.results.difference import Difference
from acrank.utils.serialise import csv_text, json_text

COLUMNS = (
    *("model", "change", "rank_old", "rank_new", "score_old", "score_new", "difference"),
    *("tie_group_old", "tie_group_new", "note"),
)
# Names in a sentence before it says how many more.
NAMED = 5


def changes_lines(found: Changes) -> list[str]:
    """What changed, a sentence for each kind of change; empty if nothing did.

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


def print_comparison(found: Changes, console: Console) -> None:
    """Print what the runs differ in, then a row for each model that changed."""
    rows = _shown(found)
    if rows:
        numeric = set(COLUMNS) - {"model", "change", "note"}
        print_rows(COLUMNS, ([_text(row[c]) for c in COLUMNS] for row in rows), numeric, console)
    for line in summary(found):
        console.print(plain(line), soft_wrap=not console.is_terminal)


def summary(found: Changes) -> list[str]:
    """Sentences under the table."""
    same = len(found.moves) - len(found.changed)
    lines = [f"{len(found.moves)} models in both runs, {same} of them unchanged."]
    if found.differences:
        lines.append(
            "The scores are not of one experiment: "
            + "; ".join(map(_difference, found.differences))
            + "."
        )
    if found.versions:
        lines.append(f"Other versions: {listed([_difference(v) for v in found.versions])}.")
    return lines


def to_csv(found: Changes) -> str:
    """Every model, changed or not, as CSV."""
    return csv_text(COLUMNS, _rows(found))


def to_markdown(found: Changes) -> str:
    """The models that changed as a GitHub table, and sentences."""
    table = markdown_table(COLUMNS, ([_text(row[c]) for c in COLUMNS] for row in _shown(found)))
    return table + "".join(f"\n{escaped(line)}\n" for line in summary(found))


def to_json(found: Changes) -> str:
    """Everything as strict JSON."""

    def listed(differences: Iterable[Difference]) -> list[dict[str, Any]]:
        return [{"what": d.what, "old": d.first, "new": d.second} for d in differences]

    return json_text(
        {
            "differences": listed(found.differences),
            "versions": listed(found.versions),
            "models": _rows(found),
        }
    )


def _shown(found: Changes) -> list[dict[str, Any]]:
    return [row for row in _rows(found) if row["change"] != "none"]


def _rows(found: Changes) -> list[dict[str, Any]]:
    return [
        *(_row(move.model, _kind(move), move.old, move.new, move) for move in found.moves),
        *(_row(row.result.model, "new", None, row) for row in found.new),
        *(_row(row.result.model, "gone", row, None) for row in found.gone),
    ]


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


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, the first few of many."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return number_text(value) if isinstance(value, float) else str(value)
