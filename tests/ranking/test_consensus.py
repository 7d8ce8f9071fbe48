"""Borda's count over metrics, and metrics that need the whole zoo."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from acrank.metrics.estimate import Estimate
from acrank.metrics.registry import METRICS
from acrank.ranking import rank_results
from acrank.ranking.consensus import voters
from acrank.ranking.relative import with_relative_scores
from acrank.results import ModelResult
from tests.registered import register

BOTH = ("ac_corr", "log_me")


def model(name: str, **values: float | Estimate) -> ModelResult:
    scores = {k: v if isinstance(v, Estimate) else Estimate(v) for k, v in values.items()}
    return ModelResult(name, "ok", scores=scores)


def test_the_mean_of_places_counts() -> None:
    models = [
        model("a", ac_corr=3.0, log_me=0.1),  # first and last
        model("b", ac_corr=2.0, log_me=0.3),  # second and first
        model("c", ac_corr=1.0, log_me=0.2),  # last and second
    ]
    ranking = rank_results(models, "consensus", 0, metrics=BOTH)
    assert [row.result.model for row in ranking.rows] == ["b", "a", "c"]
    assert [row.score for row in ranking.rows] == [0.75, 0.5, 0.25]
    assert [row.places for row in ranking.rows] == [(1, 2), (1, 3), (2, 3)]
    # of values alone nothing is known but the order
    assert {(row.low, row.p_best, row.tie_group) for row in ranking.rows} == {(None,) * 3}
    assert "2 metrics: ac_corr, log_me" in ranking.warnings[0]


def test_a_metric_may_be_better_when_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    lower = replace(METRICS["log_me"], higher_is_better=False)
    register(monkeypatch, METRICS, log_me=lower)
    models = [model("a", log_me=1.0), model("b", log_me=2.0)]
    ranking = rank_results(models, "consensus", 0, metrics=("log_me",))
    assert [row.result.model for row in ranking.rows] == ["a", "b"]


def test_only_scores_vote() -> None:
    assert voters(("ac_corr", "ac_corr_channel", "ac_corr_zero", "params", "log_me")) == list(BOTH)


def test_two_forms_of_a_score_have_one_vote() -> None:
    assert voters(("h_score",)) == ["h_score"]
    assert voters(("h_score", "h_score_regularised")) == ["h_score_regularised"]


def test_a_model_needs_half_of_the_votes() -> None:
    metrics = ("ac_corr", "log_me", "h_score", "transrate")
    whole = dict.fromkeys(metrics, 1.0)
    models = [
        model("whole", **whole),
        model("second", **dict.fromkeys(metrics, 2.0)),
        model("half", log_me=3.0, h_score=3.0),
        model("quarter", log_me=9.0),
        ModelResult.failed("broken", "no weights"),
    ]
    ranking = rank_results(models, "consensus", 0, metrics=metrics)
    assert [row.result.model for row in ranking.rows] == [
        *("half", "second", "whole"),
        *("quarter", "broken"),
    ]
    assert ranking.rows[3].result.status == "unranked"
    assert ranking.rows[3].result.reason == "has 1 of the 4 metrics that vote"
    assert ranking.rows[0].score == pytest.approx((2 / 3 + 1) / 2)  # "quarter" leads one metric


def test_uncertain_metrics_give_uncertain_places() -> None:
    generator = np.random.default_rng(0)

    def varying(value: float) -> Estimate:
        return Estimate(value, replicates=tuple(generator.normal(value, 1.0, 20)))

    models = [model(f"m{i}", ac_corr=varying(i / 10), log_me=varying(i / 10)) for i in range(4)]
    ranking = rank_results(models, "consensus", 0, metrics=BOTH)
    best = [row.p_best or 0.0 for row in ranking.rows]
    assert sum(best) == pytest.approx(1)
    assert max(best) < 0.7
    assert {row.tie_group for row in ranking.rows} == {1}
    for row in ranking.rows:
        assert row.low is not None
        assert row.high is not None
        assert row.score is not None
        assert 0 <= row.low <= row.score <= row.high <= 1


def test_a_voter_of_unknown_uncertainty_is_named() -> None:
    known = [Estimate(float(i), replicates=(i - 0.1, i + 0.2, i + 0.0)) for i in range(3)]
    votes = [dict.fromkeys(("log_me", "knn"), known[i]) for i in range(3)]
    models = [model(f"m{i}", ac_corr=float(i), **votes[i]) for i in range(3)]
    ranking = rank_results(models, "consensus", 0, metrics=(*BOTH, "knn"))
    assert "unknown for ac_corr: it votes as if it did not vary." in ranking.warnings[-1]
    assert {row.p_best is None for row in ranking.rows} == {False}


def test_half_of_the_votes_of_unknown_uncertainty_give_no_interval() -> None:
    known = [Estimate(float(i), replicates=(i - 0.1, i + 0.2, i + 0.0)) for i in range(3)]
    models = [model(f"m{i}", ac_corr=float(i), log_me=known[i]) for i in range(3)]
    ranking = rank_results(models, "consensus", 0, metrics=BOTH)
    assert {(row.low, row.p_best, row.tie_group) for row in ranking.rows} == {(None,) * 3}
    assert "No model has an interval" in ranking.warnings[-1]


def test_one_model_of_unknown_uncertainty_does_not_take_it_from_the_others() -> None:
    known = [Estimate(float(i), replicates=(i - 0.1, i + 0.2, i + 0.0)) for i in range(4)]
    models = [model(f"m{i}", ac_corr=known[i], log_me=known[i]) for i in range(3)]
    models.append(model("stuck", ac_corr=3.0, log_me=3.0))
    ranking = rank_results(models, "consensus", 0, metrics=BOTH)
    first, *rest = ranking.rows
    assert (first.result.model, first.low, first.p_best, first.tie_group) == ("stuck", *(None,) * 3)
    assert [row.tie_group for row in rest] == [1, 2, 3]
    assert sum(row.p_best or 0.0 for row in rest) == pytest.approx(1)
    assert "ac_corr of stuck; log_me of stuck" in ranking.warnings[-2]
    assert ranking.warnings[-1].startswith("stuck: without an interval")


def test_metrics_that_vary_together_are_drawn_together() -> None:
    """Twice the same metric says no more than once."""
    generator = np.random.default_rng(1)
    halves = generator.normal(size=(3, 20))

    def varying(i: int, count: int = 20) -> Estimate:
        return Estimate(i / 3, replicates=tuple(i / 3 + halves[i, :count]))

    once = [model(f"m{i}", log_me=varying(i)) for i in range(3)]
    twice = [model(f"m{i}", log_me=varying(i), knn=varying(i)) for i in range(3)]
    first = rank_results(once, "consensus", 0, metrics=("log_me",))
    second = rank_results(twice, "consensus", 0, metrics=("log_me", "knn"))
    assert [row.p_best for row in first.rows] == [row.p_best for row in second.rows]


def test_only_what_is_named_votes() -> None:
    models = [model("a", ac_corr=1.0, log_me=2.0), model("b", ac_corr=2.0, log_me=1.0)]
    ranking = rank_results(models, "consensus", 0, metrics=BOTH, voting=("log_me",))
    assert [row.result.model for row in ranking.rows] == ["a", "b"]


def test_agreement_is_kendalls_w() -> None:
    values = np.array([[1.0, 2, 3, 4], [2, 1, 3, 4], [4, 3, 1, 2]])
    metrics = ("ac_corr", "log_me", "h_score")
    models = [
        model(f"m{i}", **dict(zip(metrics, column, strict=True)))
        for i, column in enumerate(values.T)
    ]
    ranking = rank_results(models, "consensus", 0, metrics=metrics)
    friedman = stats.friedmanchisquare(*values.T).statistic  # W = chi2 / (k (m - 1))
    assert f"agreement is {friedman / (3 * 3):.2f} (Kendall's W" in ranking.warnings[1]


def test_no_vote_no_rank() -> None:
    ranking = rank_results([model("a", ac_corr=1.0)], "consensus", 0, metrics=BOTH)
    assert ranking.best is None
    assert "it needs two models" in ranking.warnings[0]


@pytest.fixture
def parted(monkeypatch: pytest.MonkeyPatch) -> None:
    relative = replace(
        METRICS["log_me"], kind="relative", function="", parts={"h_score": 1.0, "transrate": -1.0}
    )
    register(monkeypatch, METRICS, log_me=relative)


@pytest.mark.usefixtures("parted")
def test_relative_metrics_are_made_of_all_models() -> None:
    models = [
        model(
            "a",
            h_score=Estimate(1.0, replicates=(1.0, 2.0)),
            transrate=Estimate(5.0, replicates=(5.0, 4.0)),
        ),
        model(
            "b",
            h_score=Estimate(3.0, replicates=(3.0, 1.0)),
            transrate=Estimate(6.0, replicates=(3.0, 4.0)),
        ),
        model(
            "c",
            h_score=Estimate(2.0, replicates=(2.0, 0.0)),
            transrate=Estimate(7.0, replicates=(1.0, 4.0)),
        ),
        model("d", h_score=9.0),
        ModelResult.failed("e", "gone"),
    ]
    done = with_relative_scores(models, ("log_me",))
    assert [done[i].value("log_me") for i in range(3)] == [0.0, 0.5, -0.5]
    replicates = [done[i].scores["log_me"].replicates for i in range(3)]
    assert replicates == [(-1.0, 1.0), (0.5, 0.5), (0.5, 0.0)]
    assert done[3].undefined["log_me"] == "not computed"
    ranking = rank_results(models, "log_me", 0, metrics=("log_me",))
    assert [row.result.model for row in ranking.rows] == ["b", "a", "c", "d", "e"]
    assert [row.result.status for row in ranking.rows][3:] == ["unranked", "failed"]


@pytest.mark.usefixtures("parted")
def test_a_zoo_of_one_has_no_relative_score() -> None:
    done = with_relative_scores([model("a", h_score=1.0, transrate=2.0)], ("log_me",))
    assert "relative to other models" in done[0].undefined["log_me"]
