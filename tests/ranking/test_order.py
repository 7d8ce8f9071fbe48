import math

import pytest

from acrank.metrics.estimate import Estimate
from acrank.metrics.registry import AC_CORR
from acrank.ranking import rank_results
from acrank.results import ModelResult


def result(name: str, *values: float, status: str = "ok") -> ModelResult:
    scores = {m: Estimate.of_trials(values) for m in AC_CORR}
    return ModelResult(name, status, scores=scores if status == "ok" else {})  # type: ignore[arg-type]


def test_best_first_and_rest_last() -> None:
    ranking = rank_results(
        [
            ModelResult.failed("broken", "no weights"),
            result("low", 1.0, 1.1, 0.9),
            result("untrained", status="unranked"),
            result("high", 3.0, 3.1, 2.9),
        ],
        "ac_corr",
        0,
    )
    assert [row.result.model for row in ranking.rows] == ["high", "low", "untrained", "broken"]
    assert [row.rank for row in ranking.rows] == [1, 2, None, None]
    best = ranking.best
    assert best is not None
    assert best.score == pytest.approx(3.0)
    assert best.low is not None
    assert best.high is not None
    assert best.low < 3.0 < best.high
    assert best.p_best == pytest.approx(1.0)
    assert [row.tie_group for row in ranking.rows] == [1, 2, None, None]


def test_one_batch_gives_a_rank_without_uncertainty() -> None:
    ranking = rank_results([result("a", 1.0), result("b", 2.0)], "ac_corr", 0)
    best = ranking.best
    assert best is not None
    assert (best.result.model, best.low, best.p_best, best.tie_group) == ("b", None, None, None)


def test_nothing_scored_has_no_best() -> None:
    ranking = rank_results(
        [ModelResult.failed("a", "x"), result("b", status="unranked")], "ac_corr", 0
    )
    assert ranking.best is None
    assert ranking.count("failed") == 1
    assert math.isnan(ranking.rows[0].result.value("ac_corr"))


def test_an_order_that_sees_no_target_is_pointed_out() -> None:
    def make(name: str, score: float, zero: float) -> ModelResult:
        values = {"ac_corr": score, "ac_corr_channel": score, "ac_corr_zero": zero}
        return ModelResult(
            name, "ok", scores={m: Estimate.of_trials([v, v + 0.01]) for m, v in values.items()}
        )

    blind = [make("a", 3, 2.9), make("b", 2, 1.9), make("c", 1, 0.9)]
    assert "no target image" in rank_results(blind, "ac_corr", 0).warnings[0]
    assert rank_results(blind[:2], "ac_corr", 0).warnings == ()
    assert rank_results(blind, "ac_corr_zero", 0).warnings == ()
    seeing = [make("a", 3, 1.9), make("b", 2, 2.9), make("c", 1, 0.9)]
    assert rank_results(seeing, "ac_corr", 0).warnings == ()


def test_equal_scores_are_ordered_by_name() -> None:
    ranking = rank_results([result("b", 1.0, 2.0), result("a", 1.0, 2.0)], "ac_corr", 0)
    assert [row.result.model for row in ranking.rows] == ["a", "b"]
    assert [row.tie_group for row in ranking.rows] == [1, 1]
    assert [row.p_best for row in ranking.rows] == [0.5, 0.5]


def test_dropped_models_follow_the_ranked_and_take_no_part() -> None:
    def with_parts(name: str, lda: float, energy: float) -> ModelResult:
        scores = {"etran_lda": Estimate(lda), "etran_energy": Estimate(energy)}
        return ModelResult(name, "ok", scores=scores | {"log_me": Estimate(lda)})

    results = [
        with_parts("low", 1.0, 1.0),
        ModelResult.failed("broken", "no weights"),
        with_parts("second", 9.0, 0.0).dropped("place 2"),
        ModelResult("unseen", "dropped", "not reached"),
        with_parts("high", 3.0, 2.0),
    ]
    for by in ("etran", "log_me", "consensus"):
        ranking = rank_results(results, by, 0, metrics=("etran", "log_me"))
        order = [(row.result.model, row.rank, row.result.status) for row in ranking.rows]
        assert order == [
            ("high", 1, "ok"),
            ("low", 2, "ok"),
            ("second", None, "dropped"),
            ("unseen", None, "dropped"),
            ("broken", None, "failed"),
        ]
        assert ranking.rows[0].result.value("etran") == pytest.approx(1.0)  # of two models
        assert "etran" not in ranking.rows[2].result.scores
        assert ranking.rows[2].score is None


def knn(name: str, value: float, *replicates: float, **guards: str) -> ModelResult:
    scores = {"knn": Estimate(value, replicates=replicates)}
    return ModelResult(name, "ok", scores=scores, guards={"knn": guards} if guards else {})


def test_who_is_of_unknown_uncertainty_is_said_and_the_others_are_compared() -> None:
    ranking = rank_results(
        [
            knn("top", 1.0, saturated="1 of at most 1"),
            knn("near", 0.97, 0.97, 0.98, 0.96),
            knn("far", 0.5, 0.5, 0.51, 0.49),
            knn("flat", 0.0, 0.0, 0.0, 0.0),
        ],
        "knn",
        0,
        metrics=("knn",),
    )
    assert [row.tie_group for row in ranking.rows] == [None, 1, 2, None]
    assert [row.low is None for row in ranking.rows] == [True, False, False, True]
    assert ranking.rows[1].p_best == pytest.approx(1.0, abs=0.01)
    assert ranking.rows[0].p_best is None
    assert ranking.warnings == (
        "The variation of knn is unknown for top (saturated: 1 of at most 1); flat (it is the same "
        "on every part of the sample); P(top) and tie groups cover the other 2 models.",
    )


def test_nothing_known_of_any_model_is_said_once() -> None:
    few = {"few-images": "64 of 64 classes have one image"}
    ranking = rank_results([knn("a", 0.2, **few), knn("b", 0.1, **few)], "knn", 0, metrics=("knn",))
    assert ranking.warnings == (
        "The variation of knn is unknown (few-images: 64 of 64 classes have one image), so there "
        "are no tie groups and no P(top). Draw a larger sample (--samples), with several images "
        "of each class.",
    )
    alone = [ModelResult("a", "ok", scores={"params": Estimate(1.0)})]
    assert rank_results(alone, "params", 0).warnings == ()  # which no image moves
