"""Report a gate's verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from acrank.gate.judge import Verdict
from acrank.report.builders.comparison import changes_lines
from acrank.report.builders.ranking_words import (
    any_compared,
    listed,
    number_text,
    uncertainty,
)
from acrank.report.document import Column, Document, Items, Records, Report, Table, Text, tabulate
from acrank.results import RankedModel

# Candidates that are shown; the judged one is always among them.
SHOWN = 5
RULES = ("rule", "passed", "found")


@dataclass(frozen=True)
class VerdictReport(Report):
    """A gate's verdict, to show.

    Attributes:
        verdict: of the gate.
        shown: how many of the candidates have a row.
    """

    verdict: Verdict
    shown: int = SHOWN

    def document(self) -> Document:
        """Make the tables of rules and best candidates, with the verdict above them."""
        cut = len(self.verdict.contest.candidates) - self.shown
        return Document(
            (
                self._rules(),
                self._candidates(),
                *([Text(f"{cut} more candidates.")] if cut > 0 else []),
                Items(tuple(notes(self.verdict))),
            ),
            title=f"acrank: {'passed' if self.verdict.passed else 'failed'}",
            outcome=(headline(self.verdict),),
        )

    def records(self) -> Records:
        """Make a CSV row for each rule."""
        return Records(RULES, self._checks())

    def data(self) -> dict[str, Any]:
        """Give verdict, policy, rules, candidates and notes."""
        contest = self.verdict.contest
        return {
            "passed": self.verdict.passed,
            "judged": contest.name or None,
            "best": self.verdict.best or None,
            "rank_by": contest.ranking.rank_by,
            "policy": contest.policy.model_dump(mode="json", exclude_defaults=True),
            "rules": self._checks(),
            "candidates": [candidate(row) for row in contest.candidates],
            "excluded": contest.excluded,
            "notes": notes(self.verdict),
        }

    def _checks(self) -> list[dict[str, Any]]:
        return [
            {"rule": check.rule, "passed": check.passed, "found": check.text}
            for check in self.verdict.checks
        ]

    def _rules(self) -> Table:
        return tabulate(
            "Rules",
            [
                (Column("rule", words=True), lambda check: check.rule),
                (Column("verdict", words=True), lambda c: "passed" if c.passed else "FAILED"),
                (Column("found", words=True), lambda check: check.text),
            ],
            self.verdict.checks,
            silent=True,
        )

    def _candidates(self) -> Table:
        ranking = self.verdict.contest.ranking
        compared = any_compared(ranking.rows)
        return tabulate(
            "Candidates",
            [
                (Column("rank"), lambda row: str(row.rank or "")),
                (Column("model", words=True), lambda row: row.result.model),
                (Column(ranking.rank_by), lambda row: number_text(row.score)),
                (Column("95 % interval"), lambda row: uncertainty(row, compared).interval),
                (Column("tie"), lambda row: uncertainty(row, compared).tie),
            ],
            self.verdict.contest.candidates[: self.shown],
            silent=True,
        )


def headline(verdict: Verdict) -> str:
    """Say in a sentence whether the gate passed."""
    name = verdict.contest.name or "no backbone"
    if verdict.passed:
        return f"The gate passed: {name}."
    failed = ", ".join(check.rule for check in verdict.failures)
    return f"The gate failed: {name} ({failed})."


def notes(verdict: Verdict) -> list[str]:
    """Name models that are no candidates, and changes since the baseline."""
    contest = verdict.contest
    lines = []
    if contest.excluded:
        beyond = listed([f"{name} ({why})" for name, why in contest.excluded.items()])
        lines.append(f"These models exceed the limits and are not candidates: {beyond}.")
    for status in ("unranked", "dropped"):
        names = [r.result.model for r in contest.ranking.rows if r.result.status == status]
        if names:
            lines.append(f"{status.capitalize()}, no candidates: {listed(names)}.")
    if verdict.changes:
        lines += changes_lines(verdict.changes)
    return lines


def candidate(row: RankedModel) -> dict[str, Any]:
    """Give rank, name, score and tie group of a candidate under fixed names."""
    return {
        "rank": row.rank,
        "model": row.result.model,
        "score": row.score,
        "score_low": row.low,
        "score_high": row.high,
        "tie_group": row.tie_group,
    }
