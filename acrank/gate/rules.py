"""Define the rules of a gate, each with its option, judgement and words in one place.

A rule is a field of :class:`Policy` with a function beside it; the option, the field of a YAML
file, and its line in tables, JUnit and GitHub follow. It judges true values, not the rounded ones
that it shows. What cannot be judged fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from acrank.metrics.guards import GUARDS
from acrank.utils.described import Setting, described
from acrank.utils.licences import matches_license, split_licenses
from acrank.utils.settings import Settings

if TYPE_CHECKING:
    from acrank.gate.contest import Contest
    from acrank.results import ModelResult, RankedModel

RULES = "Rules"  # title of their options in the help
FEWEST, MOST = 4, 17  # digits; the latter are enough to tell any two floats apart

# Whether a rule is met, and what was found, in a sentence.
Finding = tuple[bool, str]


@dataclass(frozen=True)
class Rule(Setting):
    """A setting of a gate that is judged.

    Attributes:
        group: title above its option in the help.
        judge: finds out about the backbone that is judged, from a contest and the limit.
        excludes: why a model is no candidate under the limit, empty for one that is; None of a
            rule that excludes no model.
        unset: gives the limit where the policy sets none; None if the rule is then not asked.
    """

    group: str = RULES
    judge: Callable[[Contest, Any], Finding] = field(kw_only=True)
    excludes: Callable[[ModelResult, Any], str] | None = None
    unset: Callable[[Policy], Any] | None = None


def _top_k(contest: Contest, wanted: int) -> Finding:
    place, count = contest.place, len({id(r) for r in (*contest.candidates, contest.judged)})
    found = f"{contest.name} has rank {place} of {count}; required: {_first(wanted)}"
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


def _fail_under(contest: Contest, limit: float) -> Finding:
    score = _score(contest)
    passed = contest.sign * score >= contest.sign * limit
    side = "at least" if contest.sign > 0 else "at most"
    return passed, f"score {shown(score, limit)}; required: {side} {shown(limit, score)}"


def _max_regret(contest: Contest, limit: float) -> Finding:
    best = _best(contest, (*contest.rivals, _judged(contest)))
    regret = contest.sign * (_value(best) - _score(contest))
    text = f"{shown(regret, limit)} below {best.result.model}" if regret else "it is the best"
    return regret <= limit, f"{text}; required: at most {shown(limit, regret)}"


def _max_points_lost(contest: Contest, limit: float) -> Finding:
    lost = _judged(contest).points_lost
    if lost is None:
        return False, "it is not known how many points of accuracy it is expected to lose"
    found = f"expected to lose {shown(lost, limit)} points of accuracy"
    return lost <= limit, f"{found}; required: at most {shown(limit, lost)}"


def _min_margin(contest: Contest, limit: float) -> Finding:
    if not contest.rivals:
        return False, "there is no other candidate to compare with"
    rival = _best(contest, contest.rivals)
    margin = contest.sign * (_score(contest) - _value(rival))
    ahead = contest.place == 1
    side = "above" if ahead and margin >= 0 else "below"
    found = f"{shown(abs(margin), limit)} {side} {rival.result.model}"
    return ahead and margin >= limit, f"{found}; required: {shown(limit, margin)} above the next"


def _best(contest: Contest, rows: Iterable[RankedModel]) -> RankedModel:
    """Find the row of the best score; a race may have put a cheaper one before it.

    A score that is not a number counts as the best, so that what is compared with it fails.
    """

    def goodness(row: RankedModel) -> tuple[float, float]:
        value = contest.sign * _value(row)
        return math.inf if math.isnan(value) else value, -(row.rank or math.inf)

    return max(rows, key=goodness)


def _too_large(result: ModelResult, limit: float) -> str:
    """Say how a model exceeds the limit on parameters; empty if not. Unknown exceeds it."""
    if result.params is None:
        return "its size is not known"
    return f"{result.params:,} parameters" if result.params > limit * 1e6 else ""


def _max_params(contest: Contest, limit: float) -> Finding:
    result = _judged(contest).result
    size = _too_large(result, limit)
    found = size or f"{result.params:,} parameters"
    return not size, f"{found}; required: at most {limit * 1e6:,.0f}"


def _not_licensed(result: ModelResult, accepted: tuple[str, ...]) -> str:
    """Say why a model's licence is not accepted; empty if it is."""
    if matches_license(result.license, accepted):
        return ""
    return f"licence {result.license}" if result.license else "no licence is stated"


def _license(contest: Contest, accepted: tuple[str, ...]) -> Finding:
    result = _judged(contest).result
    refused = _not_licensed(result, accepted)
    found = refused or f"licence {result.license}"
    return not refused, f"{found}; required: {' or '.join(accepted)}"


def _max_drop(contest: Contest, limit: float) -> Finding:
    score = _score(contest)
    rows = contest.baseline.rows if contest.baseline else ()
    old = next((row for row in rows if row.result.model == contest.name), None)
    if old is None or old.score is None or not math.isfinite(old.score):
        return False, f"the baseline has no score of {contest.name}"
    drop = contest.sign * (old.score - score)
    text = f"{shown(score, old.score)} after {shown(old.score, score)}"
    if drop <= 0:
        return True, f"{text}: no drop"
    return (
        drop <= limit,
        f"{text}: a drop of {shown(drop, limit)}; required: at most {shown(limit, drop)}",
    )


def _judged(contest: Contest) -> RankedModel:
    if contest.judged is None:
        raise LookupError("no backbone is judged")
    return contest.judged


def _value(row: RankedModel) -> float:
    return math.nan if row.score is None else row.score


def _score(contest: Contest) -> float:
    return _value(_judged(contest))


def shown(value: float, *others: float) -> str:
    """Show a number by text that differs from that of every number it differs from.

    Args:
        value: to show.
        others: what it is compared with, a limit for example.

    Returns:
        At least four significant digits, more where fewer would show two numbers as equal.
    """
    different = [other for other in others if other != value and not math.isnan(other)]
    for digits in range(FEWEST, MOST):
        text = f"{value:.{digits}g}"
        if all(text != f"{other:.{digits}g}" for other in different):
            return text
    return f"{value:.{MOST}g}"


class Policy(Settings):
    """The rules that a gate asks of a backbone; one that is None or empty is not asked."""

    require: Annotated[
        str | None,
        Field(min_length=1),
        Setting("Backbone to judge.", RULES, metavar="NAME", default="the best within the limits"),
    ] = None
    top_k: Annotated[
        int | None,
        Field(ge=1),
        Rule(
            "The backbone is among the first K, or cannot be told apart from one of them.",
            metavar="K",
            default="1 where a backbone is required and no other rule is given",
            judge=_top_k,
            unset=lambda policy: 1 if policy.require and not policy.has_rules else None,
        ),
    ] = None
    fail_under: Annotated[
        float | None,
        Field(allow_inf_nan=False),
        Rule(
            "The score is at least X, or at most X for a metric where lower is better.",
            judge=_fail_under,
        ),
    ] = None
    max_regret: Annotated[
        float | None,
        Field(ge=0, allow_inf_nan=False),
        Rule("The score is at most X below the best.", judge=_max_regret),
    ] = None
    max_points_lost: Annotated[
        float | None,
        Field(ge=0, allow_inf_nan=False),
        Rule(
            "The backbone is expected to lose at most X points of fine-tuned accuracy against the "
            "best of all ranked models.",
            judge=_max_points_lost,
        ),
    ] = None
    min_margin: Annotated[
        float | None,
        Field(ge=0, allow_inf_nan=False),
        Rule(
            "The backbone is first, and its score is at least X above the next.", judge=_min_margin
        ),
    ] = None
    max_params: Annotated[
        float | None,
        Field(gt=0, allow_inf_nan=False),
        Rule(
            "Largest number of parameters, in millions; larger models are not candidates.",
            judge=_max_params,
            excludes=_too_large,
        ),
    ] = None
    license: Annotated[
        tuple[str, ...],
        Rule(
            "Accepted licences: permissive, or SPDX names and wildcards; models under other "
            "licences are not candidates; repeatable.",
            metavar="NAME",
            judge=_license,
            excludes=_not_licensed,
        ),
    ] = ()
    baseline: Annotated[
        Path | None,
        Setting("The score has not dropped since this earlier run (acrank score --json).", RULES),
    ] = None
    max_drop: Annotated[
        float | None,
        Field(ge=0, allow_inf_nan=False),
        Rule(
            "The score is at most X below that of the baseline.",
            default="0 where a baseline is given",
            judge=_max_drop,
            unset=lambda policy: 0.0 if policy.baseline is not None else None,
        ),
    ] = None
    allow_different: Annotated[
        bool,
        Setting("Allow a baseline that was scored on other data or with other settings.", RULES),
    ] = False
    allow_failed: Annotated[
        bool,
        Setting("Judge even if models failed, any of which might have been better.", RULES),
    ] = False
    allow_guard: Annotated[
        tuple[str, ...],
        Setting("Guard whose warning is accepted; repeatable.", RULES, metavar="NAME"),
    ] = ()

    @field_validator("license", "allow_guard", mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list | tuple):
            return value
        return [part for text in values for part in split_licenses(str(text))]

    @field_validator("license", mode="after")
    @classmethod
    def _names_some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:  # of a variable that is not set: every licence would do
            raise ValueError("it names no licence")
        return value

    @field_validator("allow_guard")
    @classmethod
    def _are_guards(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in GUARDS:
                raise ValueError(f"there is no guard {name!r}; there are {', '.join(GUARDS)}")
        return value

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.baseline is None and (self.max_drop is not None or self.allow_different):
            raise ValueError("max_drop and allow_different need a baseline")
        if self.top_k is not None and self.require is None:
            raise ValueError("top_k needs a required backbone; the chosen one is first anyway")
        return self

    @property
    def asked(self) -> Iterator[tuple[str, Rule, Any]]:
        """Every rule that is asked for: its name in a verdict, the rule, and its limit."""
        for name, rule in self.rules().items():
            limit = getattr(self, name)
            if limit in (None, ()) and rule.unset:
                limit = rule.unset(self)
            if limit not in (None, ()):
                yield name.replace("_", "-"), rule, limit

    @property
    def has_rules(self) -> bool:
        """Return whether anything is asked beyond which backbone is judged."""
        return any(getattr(self, name) not in (None, ()) for name in (*self.rules(), "baseline"))

    def excludes(self, result: ModelResult) -> str:
        """Why a model is no candidate; empty for one that is."""
        found = (rule.excludes(result, limit) for _, rule, limit in self.asked if rule.excludes)
        return next(filter(None, found), "")

    @classmethod
    def rules(cls) -> dict[str, Rule]:
        """Every rule by its field, in the order in which they are judged."""
        return {name: rule for name, rule in described(cls).items() if isinstance(rule, Rule)}
