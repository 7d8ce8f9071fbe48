"""Judge a backbone by its place in a ranking: a policy to a verdict."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from acrank.config import RunConfig
from acrank.errors import ConfigError
from acrank.gate.contest import Contest, hold
from acrank.gate.rules import Policy, shown
from acrank.metrics.registry import CONSENSUS
from acrank.results import Ranking
from acrank.results.changes import Changes, changes
from acrank.results.difference import PRECISION
from acrank.results.file import read_ranking


@dataclass(frozen=True)
class Check:
    """The finding of one rule.

    Attributes:
        rule: its name.
        passed: whether it is met.
        text: what was found, in a sentence.
    """

    rule: str
    passed: bool
    text: str


@dataclass(frozen=True)
class Verdict:
    """The findings of a gate, and whether it passes.

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
        """Return whether every rule is met."""
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
    if policy.baseline is None:
        contest = hold(ranking, policy)
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
            hint=f"{again} again with acrank score --json, or give --allow-different.",
        )
    contest = hold(ranking, policy, baseline)
    return Verdict(contest, tuple(checks(contest)), found)


def checks(contest: Contest) -> Iterator[Check]:
    """Judge by every rule that is asked for, after those that always hold.

    Args:
        contest: of the ranking and the policy.
    """
    yield _complete(contest)
    scored = _has_score(contest)
    yield scored
    if scored.passed:
        yield _guards(contest)
    for name, rule, limit in contest.policy.asked:
        if scored.passed:
            yield Check(name, *rule.judge(contest, limit))
        else:
            yield Check(name, False, "not judged, because there is no score")


def _complete(contest: Contest) -> Check:
    """Check that no model failed: any of them might have been better."""
    ranking = contest.ranking
    missing = [row.result.model for row in ranking.rows if row.result.status == "failed"]
    if ranking.interrupted:
        return Check("complete", False, "the run was interrupted, so models are missing")
    if not missing:
        return Check("complete", True, f"no model of {len(ranking.rows)} failed")
    text = f"failed: {', '.join(missing[:5])}{' and others' if len(missing) > 5 else ''}"
    return Check("complete", contest.policy.allow_failed, text)


def _has_score(contest: Contest) -> Check:
    judged, name = contest.judged, contest.name
    by = contest.ranking.rank_by
    if judged is None:
        text = _unknown(contest) if name else "no ranked model is within the limits"
        return Check("scored", False, text)
    if judged.rank is None or judged.score is None or not math.isfinite(judged.score):
        reason = judged.result.reason or "it has no score"
        return Check("scored", False, f"{name} is {judged.result.status}: {reason}")
    return Check("scored", True, f"{name}: {by} {shown(judged.score)}")


def _unknown(contest: Contest) -> str:
    names = [row.result.model for row in contest.ranking.rows]
    close = difflib.get_close_matches(contest.name, names, 1)
    return f"{contest.name} is not among the models" + (
        f"; did you mean {close[0]}?" if close else ""
    )


def _guards(contest: Contest) -> Check:
    """Check that no guard warns of the score: such a number is no ground for a decision."""
    by = contest.ranking.rank_by
    guards = contest.judged.result.guards if contest.judged else {}
    speaking = contest.ranking.metrics if by == CONSENSUS else (by,)
    fired = {
        f"{metric}: {guard} ({text})"
        for metric in speaking
        for guard, text in guards.get(metric, {}).items()
        if guard not in contest.policy.allow_guard
    }
    return Check("guards", not fired, "; ".join(sorted(fired)) or f"no warning applies to {by}")


def as_of_baseline(config: RunConfig, baseline: Path) -> tuple[RunConfig, str]:
    """Settle a precision that is left to acrank: that of the baseline, whatever this machine has.

    Numbers of bf16 and of fp32 are no numbers of one experiment, and which of them ``auto`` finds
    depends on the processor. PyTorch computes bf16 on any, in software where it must.

    Args:
        config: of the run.
        baseline: written by ``acrank score --json``.

    Returns:
        The configuration, and a sentence on what was settled; empty where nothing was.

    Raises:
        DataError: the baseline cannot be read.
    """
    precision = read_ranking(baseline).record["device"].get("precision")
    if config.precision != "auto" or precision not in ("fp32", "bf16"):
        return config, ""
    slow = "; processors without bf16 emulate it, which is slow" if precision == "bf16" else ""
    said = f"--precision auto is {precision} here, as in the baseline '{baseline}'{slow}."
    return config.model_copy(update={"precision": precision}), said
