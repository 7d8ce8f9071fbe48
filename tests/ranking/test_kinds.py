"""AC-Corr of BatchNorm and its generalisation are ranked together only if asked."""

from typing import Any

import pytest

from acrank.metrics.estimate import Estimate
from acrank.metrics.registry import AC_CORR
from acrank.norm.types import NormKind
from acrank.ranking import rank_results
from acrank.results import ModelResult, Ranking


def result(name: str, kind: NormKind | None, score: float) -> ModelResult:
    names = (*AC_CORR, "log_me") if kind else ("log_me",)
    scores = {metric: Estimate.of_trials([score, score + 0.1]) for metric in names}
    return ModelResult(name, "ok", scores=scores, norm_kind=kind)


BATCH = [result("resnet", "batch", 1.0), result("regnet", "batch", 2.0)]
OTHERS = [result("vit", "layer", 9.0), result("big", "group", 8.0)]
METRICS = ("ac_corr", "log_me")


def ranked(results: list[ModelResult], by: str, **settings: Any) -> Ranking:
    return rank_results(results, by, 0, metrics=METRICS, **settings)


def order(ranking: Ranking) -> list[str]:
    return [row.result.model for row in ranking.rows if row.rank]


@pytest.mark.parametrize("by", ["ac_corr", "ac_corr_channel"])
def test_batchnorm_is_ranked_and_the_others_say_why_not(by: str) -> None:
    ranking = ranked([*OTHERS, *BATCH], by)
    assert order(ranking) == ["regnet", "resnet"]
    others = ranking.rows[2:]
    assert [row.result.model for row in others] == ["vit", "big"]
    assert [row.result.status for row in others] == ["unranked"] * 2
    assert "covers LayerNorm" in others[0].result.reason
    assert others[0].result.value("ac_corr") == pytest.approx(9.05)  # still told
    assert f"2 models without BatchNorm are not ranked by {by}" in ranking.warnings[-1]
    assert "--norms mixed" in ranking.warnings[-1]


def test_one_list_if_asked() -> None:
    ranking = ranked([*OTHERS, *BATCH], "ac_corr", mixed=True)
    assert order(ranking) == ["vit", "big", "regnet", "resnet"]
    assert not any("BatchNorm" in warning for warning in ranking.warnings)


def test_other_scores_and_one_kind_alone_are_ranked_as_ever() -> None:
    assert order(ranked([*OTHERS, *BATCH], "log_me")) == ["vit", "big", "regnet", "resnet"]
    assert order(ranked(OTHERS, "ac_corr")) == ["vit", "big"]
    failed = ModelResult.failed("broken", "no weights")
    without = result("plain", None, 5.0)
    assert order(ranked([*OTHERS, failed, without], "ac_corr")) == ["vit", "big"]


def test_in_a_consensus_scores_of_affines_vote_for_batchnorm_alone() -> None:
    ranking = ranked([*OTHERS, *BATCH], "consensus")
    places = {row.result.model: row.places for row in ranking.rows}
    assert places == {"vit": (1, 1), "big": (2, 2), "regnet": (1, 3), "resnet": (2, 4)}
    assert "do not vote for 2 models" in ranking.warnings[-1]
    together = ranked([*OTHERS, *BATCH], "consensus", mixed=True)
    assert order(together) == ["vit", "big", "regnet", "resnet"]
