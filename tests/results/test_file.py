"""A result file gives back the ranking that it was written from."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acrank.errors import DataError
from acrank.metrics.estimate import Estimate
from acrank.ranking import rank_results
from acrank.report.builders.ranking import RankingReport
from acrank.report.renderers.records import to_csv, to_json
from acrank.results import Beforehand, ModelResult, Ranking
from acrank.results.file import as_scored, read_ranking

RECORD: dict[str, Any] = {
    "created": "2026-01-01",
    "config": {"steps": 1},
    "dataset": {"name": "demo"},
    "device": {"type": "cpu"},
    "versions": {"acrank": "0"},
}


def ranked(rank_by: str = "ac_corr") -> Ranking:
    def result(name: str, *trials: float) -> ModelResult:
        estimate = Estimate.of_trials(trials)
        scores = {"ac_corr": estimate, "ac_corr_zero": Estimate(1.0), "log_me": estimate}
        return ModelResult(name, "ok", scores=scores, params=10, seconds=1.5)

    results = [
        result("a", 1.0, 1.2, 1.1),
        result("b", 2.0, 2.2, 2.3),
        replace(result("c", 3.0, 3.0, 3.0), flags={"tied-affines": "1 of 2 layers"}),
        ModelResult.failed("d", "no such file"),
    ]
    return rank_results(
        results,
        rank_by,
        seed=0,
        metrics=("ac_corr", "ac_corr_zero", "log_me"),
        warnings=["a note"],
        record=RECORD,
    )


@pytest.mark.parametrize(
    ("config", "dataset", "kept"),
    [
        ({"task": "classification", "image_size": 256}, {}, None),
        ({"task": "classification", "image_size": 64}, {}, 64),
        ({"task": "segmentation", "image_size": 256}, {}, 256),
        ({"task": "segmentation", "image_size": 256}, {"patch": [96, 96, 96]}, None),
        ({"image_size": 256}, {}, None),
        ({}, {}, None),
    ],
)
def test_a_size_that_no_network_was_given_is_left_out(
    config: dict[str, Any], dataset: dict[str, Any], kept: int | None, tmp_path: Path
) -> None:
    """Earlier versions wrote the size of masks whatever the run was on."""
    rows = [ModelResult("a", "ok", input_size=(3, 64, 64)), ModelResult.failed("b", "broken")]
    record = {**RECORD, "config": config, "dataset": {"name": "x", **dataset}}
    ranking = rank_results(rows, "ac_corr", seed=0, metrics=("ac_corr",), record=record)
    path = tmp_path / "a.json"
    path.write_text(to_json(RankingReport(ranking)))
    assert read_ranking(path).record["config"].get("image_size") == kept


@pytest.mark.parametrize("rank_by", ["ac_corr", "consensus"])
def test_written_again_it_is_the_same_text(rank_by: str, tmp_path: Path) -> None:
    ranking = ranked(rank_by)
    path = tmp_path / "a.json"
    path.write_text(to_json(RankingReport(ranking)))
    read = read_ranking(path)
    assert to_json(RankingReport(read)) == to_json(RankingReport(ranking))
    assert to_csv(RankingReport(read)) == to_csv(RankingReport(ranking))
    assert read.best == ranking.best


def expecting() -> Ranking:
    """A ranking of models of which something is known beforehand."""
    dataset = {"name": "demo", "task": "classification", "class_images": [3, 4]}
    known = Beforehand("measured", 0.5, 0.4, 0.3, 7, public=True)
    results = [replace(row.result, beforehand=known) for row in ranked().rows]
    record = {**RECORD, "dataset": dataset}
    return rank_results(results, "log_me", seed=0, metrics=("log_me",), record=record)


def test_what_is_expected_is_read_as_it_was_written(tmp_path: Path) -> None:
    ranking = expecting()
    assert ranking.outlook is not None
    path = tmp_path / "a.json"
    path.write_text(to_json(RankingReport(ranking)))
    read = read_ranking(path)
    assert to_json(RankingReport(read)) == to_json(RankingReport(ranking))
    assert to_csv(RankingReport(read)) == to_csv(RankingReport(ranking))
    assert read.outlook == ranking.outlook
    assert read.rows[0].result.beforehand == ranking.rows[0].result.beforehand
    # and parts that are put together again compare anew
    again = [as_scored(row.result) for row in read.rows]
    merged = rank_results(again, "log_me", seed=0, metrics=("log_me",), record=dict(ranking.record))
    assert merged.outlook == ranking.outlook


def test_a_file_of_before_anything_was_expected_is_read(tmp_path: Path) -> None:
    document = json.loads(to_json(RankingReport(expecting())))
    later = ("prior", "history", "expected", "p_best_accuracy", "points_lost", "beforehand")
    del document["outlook"]
    document["models"] = [
        {name: value for name, value in model.items() if not name.startswith(later)}
        for model in document["models"]
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    read = read_ranking(path)
    assert read.outlook is None
    assert [row.expected for row in read.rows] == [None] * 4
    document["models"][0]["expected"] = "much"
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match="expected of"):
        read_ranking(path)


@pytest.mark.parametrize(
    ("field", "value"), [("rank_by", None), ("metrics", 3), ("warnings", {}), ("interrupted", "?")]
)
def test_a_garbled_file_is_refused(field: str, value: object, tmp_path: Path) -> None:
    document = json.loads(to_json(RankingReport(ranked())))
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**document, field: value}))
    with pytest.raises(DataError, match="not the result of a run"):
        read_ranking(path)
    del document[field]
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match="not the result of a run"):
        read_ranking(path)


def test_a_row_without_its_place_is_refused(tmp_path: Path) -> None:
    document = json.loads(to_json(RankingReport(ranked())))
    del document["models"][0]["rank"]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match="rank"):
        read_ranking(path)


def test_scores_of_a_package_that_is_gone_are_left_out_and_named(tmp_path: Path) -> None:
    document = json.loads(to_json(RankingReport(ranked())))
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**document, "metrics": [*document["metrics"], "gone"]}))
    read = read_ranking(path)
    assert read.metrics == ("ac_corr", "ac_corr_zero", "log_me")
    note = "No installed package has these metrics, so they are left out: gone."
    assert read.warnings == (*ranked().warnings, note)
    path.write_text(json.dumps({**document, "metrics": ["gone"], "rank_by": "gone"}))
    with pytest.raises(DataError, match="ranked by gone, which is not an installed metric"):
        read_ranking(path)
