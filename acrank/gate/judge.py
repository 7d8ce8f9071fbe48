"""A ranking and a policy to a verdict."""

from __future__ import annotations

from dataclasses import dataclass

from acrank.errors import ConfigError
from acrank.gate.contest import Contest, hold
from acrank.gate.policy import Policy
from acrank.gate.rules import Check, checks
from acrank.results import Ranking
from acrank.results.changes import Changes, changes
from acrank.results.difference import PRECISION
from acrank.results.file import read_ranking


@dataclass(frozen=True)
class Verdict:
    """What a gate found.

    Attributes:
        contest: the candidates and the backbone that was judged.
        checks: one a rule.
        changes: against the baseline; None without one.
    """

    contest: Contest
    checks: tuple[Check, ...]
    changes: Changes | None = None

    @property
    def passed(self) -> bool:
        """Whether every rule is met."""
        return all(check.passed for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        """The rules that are not met."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def best(self) -> str:
        """The first candidate's name; empty where there is none."""
        first = next(iter(self.contest.candidates), None)
        return first.result.model if first else ""


def judge(ranking: Ranking, policy: Policy) -> Verdict:
    """Judge a backbone by its place in a ranking.

    Args:
        ranking: of a run.
        policy: the rules.

    Raises:
        ConfigError: the baseline is of other data or settings, and that is not allowed.
        DataError: the baseline cannot be read.
    """
    contest = hold(ranking, policy)
    if policy.baseline is None:
        return Verdict(contest, tuple(checks(contest)))
    baseline = read_ranking(policy.baseline)
    found = changes(baseline, ranking)
    if found.differences and not policy.allow_different:
        one = found.differences[0]
        other = one.what == PRECISION
        again = f"Score with --precision {one.first}, or make it" if other else "Make it"
        raise ConfigError(
            f"The baseline '{policy.baseline}' differs in {one.what}: "
            f"{one.first} there, {one.second} here.",
            hint=f"{again} anew with acrank score --json, or give --allow-different.",
        )
    return Verdict(contest, tuple(checks(contest, baseline)), found)
