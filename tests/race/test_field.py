"""Who enters a race: the first of the ranking, the favourites, and those that were not reached."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from acrank.race.belief import Prior
from acrank.race.config import make_choose_config
from acrank.race.field import entrants, expected_of
from acrank.results import ModelResult, Outlook, RankedModel, Ranking
from acrank.results.types import Status


def ranking(*rows: RankedModel) -> Ranking:
    """A ranking of some rows."""
    return Ranking(rows, "log_me", (), {})


def row(name: str, rank: int | None = None, **facts: Any) -> RankedModel:
    """A row of a model, ranked or not."""
    status: Status = "ok" if rank else "dropped"
    return RankedModel(ModelResult(name, status, **facts), rank)


def names(found: Ranking, count: int) -> list[str]:
    """The models that enter."""
    config = make_choose_config({"data": "demo", "entrants": count})
    return [one.model for one in entrants(found, config)[0]]


def test_favourites_replace_the_last_of_the_ranking() -> None:
    rows = [row(f"m{i}", i, params=i * 1000, imagenet_top1=80.0 - i) for i in range(1, 7)]
    assert names(ranking(*rows), 3) == ["m1", "m6", "m2"]
    assert names(ranking(*rows), 6) == ["m1", "m2", "m3", "m4", "m5", "m6"]


def test_models_that_were_not_ranked_fill_up_the_field() -> None:
    rows = [row("m1", 1), row("m2"), row("m3")]
    assert names(ranking(*rows), 3) == ["m1", "m2", "m3"]
    assert names(ranking(*rows), 2) == ["m1", "m2"]


def test_models_that_failed_do_not_enter() -> None:
    failed = RankedModel(ModelResult.failed("bad", "no weights"))
    assert names(ranking(row("m1", 1), failed), 3) == ["m1"]


def test_nothing_is_expected_of_models_without_a_rank() -> None:
    found = expected_of(ranking(row("m1", 1), row("m2", 2), row("m3")))
    assert found.keys() == {"m1", "m2"}
    assert found["m1"].mean > found["m2"].mean


def test_known_networks_have_the_accuracy_that_is_expected_of_them() -> None:
    def seen(name: str, rank: int, mean: float, deviation: float) -> RankedModel:
        return replace(row(name, rank), expected=mean, expected_deviation=deviation)

    rows = seen("m1", 1, 0.1, 0.5), seen("m2", 2, 0.4, 1.5)
    outlook = Outlook("log_me", "known", 1.0, 2.0, 0.0, 2)
    found = expected_of(replace(ranking(*rows), outlook=outlook))
    assert found == {"m1": Prior(0.1, 0.5), "m2": Prior(0.4, 1.5)}
    by_score = expected_of(replace(ranking(*rows), outlook=replace(outlook, kind="others")))
    assert by_score == expected_of(ranking(*rows))
    assert by_score["m1"].mean > by_score["m2"].mean
