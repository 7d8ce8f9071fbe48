"""A gate's verdict as table, JSON and Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from acrank.gate.judge import Verdict
from acrank.report.cells import markdown_table, plain
from acrank.report.comparison import changes_lines, listed
from acrank.report.ranking_text import any_compared, number_text, uncertainty_texts
from acrank.report.table import print_rows
from acrank.results import RankedModel
from acrank.utils.serialise import json_text

HEAD = ("rule", "verdict", "found")
# Candidates that the table and the summary show: the judged one is always among them.
SHOWN = 5


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Print what each rule found, the verdict, and what a reader must know beside it."""
    print_rows(HEAD, _rows(verdict), (), console)
    for line in (headline(verdict), *notes(verdict)):
        console.print(plain(line), soft_wrap=not console.is_terminal)


def headline(verdict: Verdict) -> str:
    """The verdict in a sentence."""
    name = verdict.contest.name or "no backbone"
    if verdict.passed:
        return f"The gate passed: {name}."
    failed = ", ".join(check.rule for check in verdict.failures)
    return f"The gate failed: {name} ({failed})."


def notes(verdict: Verdict) -> list[str]:
    """What is not a rule, but part of the picture."""
    contest = verdict.contest
    lines = []
    if contest.excluded:
        beyond = listed([f"{name} ({why})" for name, why in contest.excluded.items()])
        lines.append(f"Beyond the limits, no candidates: {beyond}.")
    for status in ("unranked", "dropped"):
        names = [r.result.model for r in contest.ranking.rows if r.result.status == status]
        if names:
            lines.append(f"{status.capitalize()}, no candidates: {listed(names)}.")
    if verdict.changes:
        lines += changes_lines(verdict.changes)
    return lines


def to_json(verdict: Verdict) -> str:
    """The verdict as strict JSON."""
    contest = verdict.contest
    return json_text(
        {
            "passed": verdict.passed,
            "judged": contest.name or None,
            "best": verdict.best or None,
            "rank_by": contest.ranking.rank_by,
            "policy": contest.policy.model_dump(mode="json", exclude_defaults=True),
            "rules": [
                {"rule": check.rule, "passed": check.passed, "found": check.text}
                for check in verdict.checks
            ],
            "candidates": [candidate(row) for row in contest.candidates],
            "excluded": contest.excluded,
            "notes": notes(verdict),
        }
    )


def candidate(row: RankedModel) -> dict[str, Any]:
    """What a program needs of a candidate."""
    return {
        "rank": row.rank,
        "model": row.result.model,
        "score": row.score,
        "score_low": row.low,
        "score_high": row.high,
        "tie_group": row.tie_group,
    }


def to_markdown(verdict: Verdict, shown: int = SHOWN) -> str:
    """The verdict for a pull request or a job's summary.

    Args:
        verdict: of a gate.
        shown: how many candidates.
    """
    contest = verdict.contest
    head = ("rank", "model", contest.ranking.rank_by, "95 % interval", "tie")
    compared = any_compared(contest.ranking.rows)
    rows = [_cells(row, compared) for row in contest.candidates[:shown]]
    cut = len(contest.candidates) - len(rows)
    parts = [
        f"### acrank: {'passed' if verdict.passed else 'failed'}",
        markdown_table(HEAD, _rows(verdict)),
        markdown_table(head, rows) + (f"\n{cut} more candidates." if cut else ""),
        *(markdown_table(("note",), [(line,)]) for line in notes(verdict)[:SHOWN]),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _rows(verdict: Verdict) -> list[Sequence[str]]:
    return [(c.rule, "passed" if c.passed else "FAILED", c.text) for c in verdict.checks]


def _cells(row: RankedModel, compared: bool) -> list[str]:
    between, _, tie = uncertainty_texts(row, compared)
    return [str(row.rank or ""), row.result.model, number_text(row.score), between, tie]
