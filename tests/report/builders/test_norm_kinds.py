"""AC-Corr of other norms than BatchNorm is marked wherever it is shown."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from acrank.metrics.estimate import Estimate
from acrank.metrics.registry import AC_CORR, NO_CLASSIFIER
from acrank.norm.types import LayerCorrelation, NormKind
from acrank.ranking import rank_results
from acrank.report.builders.places import places_section
from acrank.report.builders.ranking import RankingReport
from acrank.report.builders.ranking_words import head_notes, metric_text, norm_notes, reading_notes
from acrank.report.document import Table, Text
from acrank.report.renderers.markdown import to_markdown
from acrank.report.renderers.records import to_csv, to_json
from acrank.results import ModelResult, Ranking
from acrank.results.file import read_ranking

WHY = "no BatchNorm layer with affine parameters, but LayerNorm."
PARTS: dict[str, Any] = {"config": {}, "dataset": {}, "device": {}, "versions": {}}


def model(name: str, kind: NormKind | None, score: float) -> ModelResult:
    names = (*AC_CORR, "log_me") if kind else ("log_me",)
    scores = {metric: Estimate.of_trials([score, score + 0.5]) for metric in names}
    undefined = {} if kind else dict.fromkeys(AC_CORR, WHY)
    layers = (LayerCorrelation("a", 4, 0, False, False, 1.0, 0.5, 1.0),) if kind else ()
    return ModelResult(
        name, "ok", scores=scores, undefined=undefined, layers=layers, norm_kind=kind, norm_layers=7
    )


def make_ranking(by: str = "log_me", mixed: bool = False) -> Ranking:
    results = [model("vit", "layer", 3.0), model("resnet", "batch", 2.0), model("mlp", None, 1.0)]
    record = {**PARTS, "config": {"norms": "mixed" if mixed else "affine"}}
    names = (*AC_CORR, "log_me")
    return rank_results(results, by, 0, metrics=names, record=record, mixed=mixed)


def test_numbers_are_marked_and_explained() -> None:
    ranking = make_ranking()
    vit, resnet, mlp = ranking.rows
    assert metric_text(vit, "ac_corr") == "3.250*"
    assert metric_text(vit, "log_me") == "3.250"
    assert metric_text(resnet, "ac_corr") == "2.250"
    assert metric_text(mlp, "ac_corr") == ""
    marked, missing = norm_notes(ranking)
    assert marked.startswith("* AC-Corr of LayerNorm of vit: a generalisation")
    assert missing == f"No AC-Corr of mlp: {WHY}"


def test_files_say_so_too(tmp_path: Path) -> None:
    ranking = make_ranking()
    rows = list(csv.DictReader(io.StringIO(to_csv(RankingReport(ranking)))))
    assert [row["norm_kind"] for row in rows] == ["layer", "batch", ""]
    document = json.loads(to_json(RankingReport(ranking)))
    assert document["norm_notes"] == norm_notes(ranking)
    assert [row["norm_kind"] for row in document["models"]] == ["layer", "batch", None]
    report = to_markdown(RankingReport(ranking).page())
    assert "3.250\\*" in report
    assert "7 LayerNorm" in report
    assert "- \\* AC-Corr of LayerNorm" in report
    file = tmp_path / "scores.json"
    file.write_text(to_json(RankingReport(ranking)))
    assert to_json(RankingReport(read_ranking(file))) == file.read_text()


def test_a_markdown_table_of_such_a_score_has_marks_and_notes() -> None:
    text = to_markdown(RankingReport(make_ranking("ac_corr", mixed=True)).document(), level=3)
    assert r"| 3.250\* |" in text
    assert "\n- \\* AC-Corr of LayerNorm" in text


@pytest.mark.parametrize("mixed", [True, False])
def test_places_by_metric_are_of_one_kind_unless_mixed(mixed: bool) -> None:
    (section,) = places_section(make_ranking("ac_corr", mixed))
    told, _, table, *_ = section.blocks
    assert isinstance(told, Text)
    assert isinstance(table, Table)
    found = {str(row.cells[0]).split()[-1]: str(row.cells[1]) for row in table.rows}
    assert found["vit"] == "1*"
    assert found["resnet"] == ("2" if mixed else "1")
    assert ("separate places" in told.text) is not mixed


def test_models_without_a_source_classifier_are_named() -> None:
    results = [model(name, "batch", 2.0) for name in ("seven", "five", "none")]
    for result in results[1:]:
        result.undefined.update({"leep": NO_CLASSIFIER, "nce": NO_CLASSIFIER})
    for result in results:
        result.scores["leep"] = Estimate.of_trials([-1.0, -1.5])
    names = ("log_me", "leep", "nce")
    ranking = rank_results(results, "log_me", 0, metrics=names, record={**PARTS})
    assert head_notes(ranking) == [f"No leep, nce of five, none: {NO_CLASSIFIER}."]
    assert head_notes(ranking)[0] in reading_notes(ranking)
    alone = rank_results(results, "log_me", 0, metrics=("log_me",), record={**PARTS})
    assert head_notes(alone) == []
