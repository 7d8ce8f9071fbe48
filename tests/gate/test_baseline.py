"""A baseline: what it must share with the run, and what has changed since."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from acrank.config import RunConfig
from acrank.errors import ConfigError
from acrank.gate.judge import Verdict, as_of_baseline, judge
from acrank.gate.rules import Policy
from acrank.report.builders.ranking import RankingReport
from acrank.report.builders.verdict import notes
from acrank.report.renderers.records import to_json
from acrank.results import Ranking
from acrank.utils.device import choose_autocast
from tests.gate.rankings import FIRST, FOUR, LAST, RECORD, SECOND, THIRD, ranking_of, result


def against(tmp_path: Path, old: Ranking, new: Ranking, **policy: Any) -> Verdict:
    path = tmp_path / "old.json"
    path.write_text(to_json(RankingReport(old)))
    return judge(new, Policy(baseline=path, **policy))


@pytest.mark.parametrize(("drop", "passes"), [(0.0, False), (0.1, False), (0.5, True)])
def test_a_drop_is_measured_against_the_same_backbone(
    tmp_path: Path, drop: float, passes: bool
) -> None:
    new = ranking_of([result("first", 2.6, 2.6), SECOND])
    judged = against(tmp_path, ranking_of(FOUR), new, max_drop=drop)
    assert judged.passed == passes
    assert "2.6 after 3" in judged.checks[-1].text


def test_without_a_limit_no_drop_is_allowed_and_a_gain_is_welcome(tmp_path: Path) -> None:
    better = ranking_of([result("first", 3.1, 3.1), SECOND])
    assert against(tmp_path, ranking_of(FOUR), better).passed
    assert not against(tmp_path, better, ranking_of(FOUR)).passed


def test_a_backbone_the_baseline_does_not_know_fails(tmp_path: Path) -> None:
    judged = against(tmp_path, ranking_of([SECOND]), ranking_of(FOUR), max_drop=99)
    assert judged.failures[0].text == "the baseline has no score of first"


def test_new_gone_and_moved_models_are_listed(tmp_path: Path) -> None:
    moved = replace(LAST, scores=result("last", 9.0, 9.0).scores, revision="b")
    old = ranking_of([FIRST, SECOND, replace(LAST, revision="a")])
    judged = against(tmp_path, old, ranking_of([FIRST, THIRD, moved]), require="first")
    assert notes(judged) == [
        "New since the baseline: third.",
        "Gone since the baseline: second.",
        "Other ranks: last (3 to 1), first (1 to 2).",
        "Other weights: last.",
    ]


@pytest.mark.parametrize(
    ("part", "name", "said"),
    [
        ("dataset", "fingerprint", "the dataset"),
        ("config", "seed", "the setting seed"),
        ("device", "precision", "the device"),
    ],
)
def test_other_data_or_settings_are_refused(
    tmp_path: Path, part: str, name: str, said: str
) -> None:
    other = ranking_of(FOUR, record={**RECORD, part: {**RECORD[part], name: "other"}})
    with pytest.raises(ConfigError, match=f"{said}.*other there"):
        against(tmp_path, other, ranking_of(FOUR))
    judged = against(tmp_path, other, ranking_of(FOUR), allow_different=True)
    assert judged.passed
    assert "other to" in notes(judged)[0]


@pytest.mark.parametrize("setting", ["device", "precision"])
def test_what_auto_came_out_as_is_compared_and_not_the_word(tmp_path: Path, setting: str) -> None:
    record = {**RECORD, "config": {**RECORD["config"], setting: "auto"}}
    given = {**RECORD, "config": {**RECORD["config"], setting: "cpu"}}
    old, new = ranking_of(FOUR, record=record), ranking_of(FOUR, record=given)
    assert against(tmp_path, old, new).passed


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_auto_takes_the_precision_of_the_baseline_and_says_so(
    tmp_path: Path, precision: str
) -> None:
    path = tmp_path / "old.json"
    device = {**RECORD["device"], "precision": precision}
    path.write_text(to_json(RankingReport(ranking_of(FOUR, record={**RECORD, "device": device}))))
    auto = RunConfig(data="demo")
    settled, said = as_of_baseline(auto, path)
    assert settled == auto.model_copy(update={"precision": precision})
    assert f"auto is {precision} here, as in the baseline '{path}'" in said
    assert ("emulate" in said) == (precision == "bf16")
    wanted = choose_autocast(settled.precision, torch.device("cpu"))
    assert wanted == (torch.bfloat16 if precision == "bf16" else None)
    named = RunConfig(data="demo", precision="fp32")
    assert as_of_baseline(named, path) == (named, "")


def test_another_precision_says_which_to_score_with(tmp_path: Path) -> None:
    other = ranking_of(FOUR, record={**RECORD, "device": {"type": "cpu", "precision": "bf16"}})
    with pytest.raises(ConfigError, match=r"device \(precision\): bf16 there") as caught:
        against(tmp_path, other, ranking_of(FOUR))
    assert "--precision bf16" in str(caught.value)


def test_how_and_where_it_ran_and_other_versions_are_no_difference(tmp_path: Path) -> None:
    record = {**RECORD, "versions": {"torch": "3"}, "config": {"seed": 0, "jobs": 4, "data": "x"}}
    judged = against(tmp_path, ranking_of(FOUR, record=record), ranking_of(FOUR))
    assert judged.passed
    assert notes(judged) == ["Other versions of libraries: torch (3 to 2)."]


def test_a_score_relative_to_other_models_is_no_other(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="consensus is relative"):
        against(tmp_path, ranking_of(FOUR[:3], "consensus"), ranking_of(FOUR, "consensus"))
