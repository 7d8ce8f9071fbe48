"""Each rule at its limit, on both sides of it, and where it cannot be judged."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrank.gate.judge import Verdict, judge
from acrank.gate.rules import Policy, shown
from acrank.metrics.estimate import Estimate
from acrank.results import ModelResult, Ranking
from tests.gate.rankings import FAILED, FIRST, FOUR, LAST, SECOND, UNRANKED, ranking_of, result

LOWER = "affine_shift"  # of which lower is better


def verdict(ranking: Ranking | None = None, **policy: Any) -> Verdict:
    return judge(ranking or ranking_of(FOUR), Policy(**policy))


def found(of: Verdict, rule: str) -> tuple[bool, str]:
    check = next(check for check in of.checks if check.rule == rule)
    return check.passed, check.text


def test_without_a_name_the_best_is_judged() -> None:
    judged = verdict(fail_under=2.0)
    assert judged.passed
    assert judged.contest.name == judged.best == "first"


def test_a_required_backbone_alone_must_be_the_best_or_like_it() -> None:
    assert verdict(require="first").passed
    passed, text = found(verdict(require="second"), "top-k")
    assert not passed
    assert "rank 2 of 4" in text
    assert "can be told apart from it" in text


def test_a_tie_with_the_last_of_the_first_k_passes_and_says_so() -> None:
    passed, text = found(verdict(require="third", top_k=2), "top-k")
    assert passed
    assert "cannot be told apart from second" in text
    assert not verdict(require="last", top_k=3).passed
    assert verdict(require="last", top_k=4).passed


def test_where_nothing_says_how_far_scores_vary_the_gate_says_so_and_fails() -> None:
    known = [result("a", 2.0), result("b", 1.999999)]
    passed, text = found(verdict(ranking_of(known), require="b"), "top-k")
    assert not passed
    assert "whether it can be told apart from a is unknown (of b: it is not computed" in text


@pytest.mark.parametrize(("value", "passes"), [(2.95, True), (2.5, False)])
def test_a_stuck_leader_is_taken_as_it_is(value: float, passes: bool) -> None:
    """As if it had parts that are all the same, which are what its guard speaks of."""
    stuck = replace(result("stuck", 3.0), guards={"log_me": {"saturated": "3 of at most 3"}})
    other = result("other", value - 0.1, value + 0.1, value, value + 0.05, value - 0.05)
    ranking = ranking_of([stuck, other, *FOUR[1:]])
    passed, text = found(verdict(ranking, require="other"), "top-k")
    assert passed == passes
    if passes:
        assert "but cannot be told apart from stuck" in text
    else:
        assert "from stuck is unknown (of stuck: saturated: 3 of at most 3)" in text


def test_equal_scores_are_alike_whatever_is_known_of_them() -> None:
    ranking = ranking_of([result("a", 2.0), result("b", 2.0), *FOUR[3:]])
    assert verdict(ranking, require="a").passed
    assert verdict(ranking, require="b").passed


def test_ties_of_a_consensus_are_those_of_its_table() -> None:
    ranking = ranking_of(FOUR, "consensus")
    groups = {row.result.model: row.tie_group for row in ranking.rows}
    for name, group in groups.items():
        assert verdict(ranking, require=name, top_k=1).passed == (group == 1)


@pytest.mark.parametrize(("limit", "passes"), [(2.05, True), (2.0500000001, False)])
def test_a_score_is_judged_by_its_true_value(limit: float, passes: bool) -> None:
    passed, text = found(verdict(require="second", fail_under=limit), "fail-under")
    assert passed == passes
    if not passes:
        assert text == "score 2.05; required: at least 2.0500000001"


def test_lower_is_better_turns_every_side() -> None:
    def with_mass(name: str, value: float) -> ModelResult:
        return replace(result(name, 0.0), scores={LOWER: Estimate(value)})

    ranking = ranking_of([with_mass("a", 1.0), with_mass("b", 3.0)], LOWER)
    assert verdict(ranking, require="a", max_regret=0.0, min_margin=2.0).passed
    assert not verdict(ranking, require="a", min_margin=2.1).passed
    assert found(verdict(ranking, require="b", max_regret=1.9), "max-regret") == (
        False,
        "2 below a; required: at most 1.9",
    )


def test_points_that_are_expected_to_be_lost_have_a_limit() -> None:
    ranking = ranking_of(FOUR)
    rows = tuple(replace(row, points_lost=1.25) for row in ranking.rows)
    with_points = replace(ranking, rows=rows)
    text = "expected to lose 1.25 points of accuracy; required: at most 1.25"
    assert found(verdict(with_points, max_points_lost=1.25), "max-points-lost") == (True, text)
    assert not found(verdict(with_points, max_points_lost=1.2), "max-points-lost")[0]
    passed, text = found(verdict(ranking, max_points_lost=100), "max-points-lost")
    assert not passed
    assert "not known" in text


def test_regret_and_margin_are_distances_among_candidates() -> None:
    assert found(verdict(require="second", max_regret=0.96), "max-regret")[0]
    assert not found(verdict(require="second", max_regret=0.9), "max-regret")[0]
    assert found(verdict(min_margin=0.94), "min-margin")[0]
    assert not found(verdict(min_margin=0.96), "min-margin")[0]
    passed, text = found(verdict(require="second", min_margin=0.0), "min-margin")
    assert not passed
    assert "below first" in text


def test_nobody_to_compare_with_is_no_margin() -> None:
    assert not verdict(ranking_of([FIRST]), min_margin=0.0).passed


def test_limits_choose_the_candidates() -> None:
    large = [replace(FIRST, params=60_000_000), *FOUR[1:]]
    judged = verdict(ranking_of(large), max_params=50)
    assert judged.best == "second"
    assert judged.contest.excluded == {"first": "60,000,000 parameters"}
    assert verdict(ranking_of(large), max_params=60).best == "first"
    judged = verdict(license="permissive")
    assert judged.contest.excluded == {"third": "licence gpl-3.0"}


@pytest.mark.parametrize("field", ["params", "license"])
def test_what_is_not_known_is_beyond_the_limit(field: str) -> None:
    unknown = replace(FIRST, params=None, license=None)
    limits: dict[str, dict[str, Any]] = {"params": {"max_params": 99}, "license": {"license": "*"}}
    policy = limits[field]
    assert verdict(ranking_of([unknown, SECOND]), **policy).best == "second"
    judged = verdict(ranking_of([unknown, SECOND]), require="first", **policy)
    assert [check.rule for check in judged.failures] == [
        {"params": "max-params", "license": "license"}[field]
    ]


def test_no_candidate_left_fails_every_rule() -> None:
    judged = verdict(max_params=0.001, fail_under=0)
    assert not judged.passed
    assert judged.best == ""
    assert {check.rule for check in judged.failures} >= {"scored", "fail-under", "max-params"}


@pytest.mark.parametrize("name", ["broken", "silent", "frist"])
def test_missing_failed_and_unranked_backbones_fail(name: str) -> None:
    ranking = ranking_of([*FOUR, FAILED, UNRANKED])
    judged = verdict(ranking, require=name, max_regret=100, allow_failed=True)
    assert [check.rule for check in judged.failures] == ["scored", "max-regret"]
    assert "did you mean first?" in judged.failures[0].text or name != "frist"


def test_a_failed_rival_might_have_been_better() -> None:
    ranking = ranking_of([*FOUR, FAILED])
    assert [c.rule for c in verdict(ranking, require="first").failures] == ["complete"]
    assert verdict(ranking, require="first", allow_failed=True).passed
    assert not verdict(ranking_of(FOUR, interrupted=True), fail_under=0, allow_failed=True).passed


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_fails(value: float) -> None:
    ranking = ranking_of([SECOND, LAST])
    odd = replace(ranking, rows=(replace(ranking.rows[0], score=value), ranking.rows[1]))
    assert not verdict(odd, require="second", max_regret=1e300).passed


def test_a_guard_speaks_against_the_score_that_ranks_only() -> None:
    guarded = replace(FIRST, guards={"log_me": {"saturated": "1"}, "h_score": {"n-below-d": "2"}})
    judged = verdict(ranking_of([guarded, SECOND]), require="first")
    assert [check.text for check in judged.failures] == ["log_me: saturated (1)"]
    assert verdict(ranking_of([guarded, SECOND]), require="first", allow_guard="saturated").passed
    assert verdict(ranking_of([guarded, SECOND], "ac_corr"), require="first").passed


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_numbers_show_as_equal_only_if_they_are(one: float, other: float) -> None:
    assert (shown(one, other) == shown(other, one)) == (one == other)
