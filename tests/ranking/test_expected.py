"""What accuracy is expected of the models of a run, and what following their order loses."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from acrank.expectation import expect
from acrank.metrics.estimate import Estimate
from acrank.ranking import rank_results
from acrank.results import Beforehand, ModelResult, Ranking

COUNTS = [10, 20, 30, 0]
SHARES = np.array([1, 2, 3]) / 6
DATASET = {"task": "classification", "class_images": COUNTS}
NOTHING = Beforehand("nothing is published under this name")


def known(mean: float, deviation: float = 0.5) -> Beforehand:
    return Beforehand("measured", mean, deviation, 0.2, 5, public=True)


def result(
    name: str, score: float | None, beforehand: Beforehand | None = NOTHING, **more: Any
) -> ModelResult:
    scores = {} if score is None else {"log_me": Estimate.of_trials([score, score + 0.01])}
    given = {"scores": {**scores, "ac_corr": Estimate(1.0)}, "beforehand": beforehand, **more}
    return ModelResult(name, "ok", **given)


def ranked(
    *results: ModelResult, dataset: dict[str, Any] = DATASET, rank_by: str = "log_me"
) -> Ranking:
    return rank_results(
        results, rank_by, 0, metrics=("log_me",), record={"seed": 0, "dataset": dataset}
    )


POOL = (
    result("a", 0.4, known(0.3)),
    result("b", 0.5),
    result("c", 0.1, known(-0.5, 1.0)),
    result("d", 0.2),
)


def test_no_model_depends_on_which_others_are_ranked() -> None:
    whole = {row.result.model: row for row in ranked(*POOL).rows}
    for some in (POOL[:2], POOL[1:], POOL[3:]):
        for row in ranked(*some).rows:
            beside = whole[row.result.model]
            assert row.expected == beside.expected
            assert row.expected_deviation == beside.expected_deviation


def test_it_is_what_prior_and_score_say() -> None:
    row = next(row for row in ranked(*POOL).rows if row.result.model == "a")
    found = expect(known(0.3), "log_me", row.result.value("log_me"), SHARES)
    assert (row.expected, row.expected_deviation) == (found.mean, found.deviation)


def test_where_nothing_is_known_the_order_is_that_of_log_me() -> None:
    rows = ranked(*(result(f"m{i}", score) for i, score in enumerate((0.3, -0.1, 0.7, 0.2)))).rows
    expected = [row.expected or math.nan for row in rows]
    assert expected == sorted(expected, reverse=True)
    lost = [row.points_lost or math.nan for row in rows]
    assert lost == sorted(lost)


def test_chances_and_points_are_of_the_ranked_models() -> None:
    ranking = ranked(*POOL, ModelResult.failed("e", "no file"))
    rows = [row for row in ranking.rows if row.rank]
    assert sum(row.p_best_accuracy or 0 for row in rows) == pytest.approx(1)
    assert ranking.rows[-1].expected is None
    outlook = ranking.outlook
    assert outlook is not None
    assert (outlook.score, outlook.kind, outlook.several) == ("log_me", "others", 3)
    assert outlook.lost_first == rows[0].points_lost
    assert outlook.lost_several < outlook.lost_first < outlook.lost_first_most


def test_the_order_of_the_ranking_is_the_one_that_is_followed() -> None:
    by_score, by_other = ranked(*POOL), ranked(*POOL, rank_by="ac_corr")
    assert by_other.rows[0].result.model == "a"
    assert by_other.outlook is not None
    assert by_other.outlook.lost_first == by_other.rows[0].points_lost
    assert by_score.rows[0].points_lost != by_other.rows[0].points_lost


@pytest.mark.parametrize(
    ("sizes", "cheapest"),
    [((100, 50, 10, 95), "c"), ((100, 100, 96, 95), "a"), ((100, 50, None, 95), None)],
)
def test_the_cheapest_of_those_alike_is_named(
    sizes: tuple[int | None, ...], cheapest: str | None
) -> None:
    pool = [result(name, 0.3, params=size) for name, size in zip("abcd", sizes, strict=True)]
    outlook = ranked(*pool).outlook
    assert outlook is not None
    assert outlook.alike == ("b", "c", "d")
    assert outlook.cheapest == cheapest


def test_without_a_score_it_is_the_prior() -> None:
    by_prior = ranked(
        result("a", None, known(0.3)), result("b", None, known(0.1)), rank_by="ac_corr"
    )
    assert [row.expected for row in by_prior.rows] == pytest.approx([0.3, 0.1])
    assert by_prior.outlook is not None
    assert by_prior.outlook.score == ""


def test_without_either_nothing_is_said_and_nothing_compared() -> None:
    ranking = ranked(result("a", None), result("b", 0.3), result("c", 0.1), rank_by="ac_corr")
    by_name = {row.result.model: row for row in ranking.rows}
    assert by_name["a"].expected is None
    assert by_name["b"].expected is not None
    assert by_name["b"].p_best_accuracy is None
    assert ranking.outlook is None


@pytest.mark.parametrize(
    "dataset",
    [{}, {"class_images": COUNTS}, {"task": "classification"}, {"task": "?", "class_images": [1]}],
)
def test_a_record_that_does_not_say_what_labels_are_expects_nothing(
    dataset: dict[str, Any],
) -> None:
    ranking = ranked(*POOL, dataset=dataset)
    assert all(row.expected is None for row in ranking.rows)
    assert ranking.outlook is None


def test_nothing_is_expected_where_nobody_asked_for_priors() -> None:
    ranking = ranked(*(replace(one, beforehand=None) for one in POOL))
    assert all(row.expected is None for row in ranking.rows)


def test_pixels_have_weights_of_their_own() -> None:
    dataset = {"task": "masks", "class_images": [4, 2]}
    rows = ranked(*POOL, dataset=dataset).rows
    wanted = expect(NOTHING, "log_me", 0.505, [2 / 3, 1 / 3], "masks")
    assert rows[0].expected == pytest.approx(wanted.mean)
