"""The rules of a gate, one function each: what is asked, what was found, whether it passes.

A rule judges true values, not the rounded ones that it shows. What cannot be judged fails.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from acrank.gate.contest import Contest, not_licensed, too_large
from acrank.gate.digits import shown
from acrank.metrics.registry import CONSENSUS
from acrank.results import RankedModel, Ranking


@dataclass(frozen=True)
class Check:
    """What a rule found.

    Attributes:
        rule: its name.
        passed: whether it is met.
        text: what was found, in a sentence.
    """

    rule: str
    passed: bool
    text: str


def checks(contest: Contest, baseline: Ranking | None = None) -> Iterator[Check]:
    """Every rule that is asked for, after those that hold always.

    Args:
        contest: of the ranking and the policy.
        baseline: the earlier run, where the policy names one.
    """
    yield _complete(contest)
    judged = _has_score(contest)
    yield judged
    if not judged.passed:
        yield from _not_judged(contest)
        return
    yield _guards(contest)
    for name, rule in RULES.items():
        if is_asked(contest, name):
            yield Check(name, *rule(contest))
    if baseline is not None:
        yield Check(MAX_DROP, *_max_drop(contest, baseline))


def is_asked(contest: Contest, name: str) -> bool:
    """Whether a policy has a rule."""
    policy = contest.policy
    asked = {
        "top-k": policy.places is not None,
        "fail-under": policy.fail_under is not None,
        "max-regret": policy.max_regret is not None,
        "min-margin": policy.min_margin is not None,
        "max-params": policy.max_params is not None,
        "license": bool(policy.license),
        MAX_DROP: policy.baseline is not None,
    }
    return asked[name]


def _not_judged(contest: Contest) -> Iterator[Check]:
    for name in (*RULES, MAX_DROP):
        if is_asked(contest, name):
            yield Check(name, False, "not judged: there is no score")


def _complete(contest: Contest) -> Check:
    """Any model that was not scored might have been better."""
    ranking = contest.ranking
    missing = [row.result.model for row in ranking.rows if row.result.status == "failed"]
    if ranking.interrupted:
        return Check("complete", False, "the run was interrupted: models are missing")
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
    """A guard says that a number means less than it seems: no ground for a decision."""
    judged, by = _judged(contest), contest.ranking.rank_by
    speaking = contest.ranking.metrics if by == CONSENSUS else (by,)
    fired = {
        f"{metric}: {guard} ({text})"
        for metric in speaking
        for guard, text in judged.result.guards.get(metric, {}).items()
        if guard not in contest.policy.allow_guard
    }
    return Check("guards", not fired, "; ".join(sorted(fired)) or f"none speaks against {by}")


def _top_k(contest: Contest) -> tuple[bool, str]:
    wanted = contest.policy.places or 1
    place, count = contest.place, len({id(r) for r in (*contest.candidates, contest.judged)})
    found = f"{contest.name} has rank {place} of {count}, asked for {_first(wanted)}"
    if place <= wanted:
        return True, found
    ahead = contest.rivals[:wanted][::-1]
    apart = {row.result.model: contest.told_apart(row) for row in ahead}
    like = next((name for name, told in apart.items() if told is False), None)
    if like is not None:
        return True, f"{found}, but cannot be told apart from {like}"
    unknown = next((row for row in ahead if apart[row.result.model] is None), None)
    if unknown is None:
        return False, f"{found}, and can be told apart from {'it' if wanted == 1 else 'them'}"
    name, why = unknown.result.model, contest.why_unknown(unknown)
    return False, f"{found}; whether it can be told apart from {name} is unknown ({why})"


def _first(count: int) -> str:
    return "the first" if count == 1 else f"the first {count}"


def _fail_under(contest: Contest) -> tuple[bool, str]:
    limit, score = contest.policy.fail_under or 0.0, _score(contest)
    passed = contest.sign * score >= contest.sign * limit
    side = "at least" if contest.sign > 0 else "at most"
    return passed, f"score {shown(score, limit)}, asked for {side} {shown(limit, score)}"


def _max_regret(contest: Contest) -> tuple[bool, str]:
    limit = contest.policy.max_regret or 0.0
    best = min((row for row in (*contest.rivals, _judged(contest))), key=lambda r: r.rank or 0)
    regret = contest.sign * (_value(best) - _score(contest))
    text = f"{shown(regret, limit)} below {best.result.model}" if regret else "it is the best"
    return regret <= limit, f"{text}, asked for at most {shown(limit, regret)}"


def _min_margin(contest: Contest) -> tuple[bool, str]:
    limit = contest.policy.min_margin or 0.0
    if not contest.rivals:
        return False, "there is no other candidate to compare with"
    rival = contest.rivals[0]
    margin = contest.sign * (_score(contest) - _value(rival))
    ahead = contest.place == 1
    found = f"{shown(abs(margin), limit)} {'above' if ahead else 'below'} {rival.result.model}"
    return ahead and margin >= limit, f"{found}, asked for {shown(limit, margin)} above the next"


def _max_params(contest: Contest) -> tuple[bool, str]:
    result, limit = _judged(contest).result, contest.policy.max_params or 0.0
    size = too_large(result, contest.policy)
    found = size or f"{result.params:,} parameters"
    return not size, f"{found}, asked for at most {limit * 1e6:,.0f}"


def _license(contest: Contest) -> tuple[bool, str]:
    result = _judged(contest).result
    refused = not_licensed(result, contest.policy)
    found = refused or f"licence {result.license}"
    return not refused, f"{found}, asked for {' or '.join(contest.policy.license)}"


def _max_drop(contest: Contest, baseline: Ranking) -> tuple[bool, str]:
    limit, score = contest.policy.max_drop or 0.0, _score(contest)
    old = next((row for row in baseline.rows if row.result.model == contest.name), None)
    if old is None or old.score is None or not math.isfinite(old.score):
        return False, f"the baseline has no score of {contest.name}"
    drop = contest.sign * (old.score - score)
    text = f"{shown(score, old.score)} after {shown(old.score, score)}"
    if drop <= 0:
        return True, f"{text}: no drop"
    return (
        drop <= limit,
        f"{text}: a drop of {shown(drop, limit)}, asked for at most {shown(limit, drop)}",
    )


def _judged(contest: Contest) -> RankedModel:
    if contest.judged is None:
        raise LookupError("no backbone is judged")
    return contest.judged


def _value(row: RankedModel) -> float:
    return math.nan if row.score is None else row.score


def _score(contest: Contest) -> float:
    return _value(_judged(contest))


MAX_DROP = "max-drop"
RULES: dict[str, Callable[[Contest], tuple[bool, str]]] = {
    "top-k": _top_k,
    "fail-under": _fail_under,
    "max-regret": _max_regret,
    "min-margin": _min_margin,
    "max-params": _max_params,
    "license": _license,
}
