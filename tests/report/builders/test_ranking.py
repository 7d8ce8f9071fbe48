import csv
import io
import json
import math

import pytest

from acrank.metrics.estimate import Estimate
from acrank.norm import LayerCorrelation
from acrank.ranking import rank_results
from acrank.report.builders.ranking import RankingReport
from acrank.report.renderers.markdown import to_markdown
from acrank.report.renderers.records import to_csv, to_json
from acrank.results import HEAD, TAIL, ModelResult, Ranking

NAN = math.nan


@pytest.fixture
def ranking() -> Ranking:
    values = {"ac_corr": [1.0, 1.5], "ac_corr_channel": [0.1, 0.2], "ac_corr_zero": [0.9, 0.9]}
    scores = {name: Estimate.of_trials(trials) for name, trials in values.items()}
    layers = (
        LayerCorrelation("bn1", 8, 1, False, False, 1.2, 0.2, 1.0),
        LayerCorrelation("bn2", 8, 8, True, False, NAN, NAN, NAN),
    )
    good = ModelResult(
        "good, *with* | 😀 markup",
        "ok",
        scores=scores,
        flags={"tied-affines": "1 of 2 layers"},
        layers=layers,
        params=1_250_000,
        norm_layers=2,
        norm_channels=16,
        input_size=(3, 64, 64),
        license="mit",
        revision="abc",
        seconds=1.23456,
    )
    bad = ModelResult.failed("bad", 'said "no",\nthen stopped')
    return rank_results([bad, good], "ac_corr", 0, record={"seed": 0}, warnings=["careful"])


def test_csv_has_the_documented_columns_in_order(ranking: Ranking) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(RankingReport(ranking)))))
    assert ",".join(rows[0]) == (
        "rank,model,status,score,score_low,score_high,p_best,ac_corr,ac_corr_channel,"
        "ac_corr_zero,params_m,norm_layers,norm_channels,input_size,license,revision,seconds,"
        "reason,tie_group,flags,norm_kind,prior,prior_deviation,prior_basis,history,history_n,"
        "expected,expected_deviation,p_best_accuracy,points_lost"
    )
    good, bad = rows
    assert good["model"] == "good, *with* | 😀 markup"
    assert (good["rank"], good["score"], good["params_m"]) == ("1", "1.25", "1.25")
    assert good["input_size"] == "3x64x64"
    assert float(good["score_low"]) < 1.25 < float(good["score_high"])
    assert good["flags"] == "tied-affines: 1 of 2 layers"
    assert (bad["rank"], bad["status"], bad["score"]) == ("", "failed", "")
    assert bad["reason"] == 'said "no",\nthen stopped'


def test_json_is_strict_and_complete(ranking: Ranking) -> None:
    text = to_json(RankingReport(ranking))
    document = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert document["schema_version"] == 1
    assert document["seed"] == 0
    assert document["warnings"] == ["careful"]
    good, bad = document["models"]
    assert {*HEAD, *TAIL} < set(good)
    assert good["trials"]["ac_corr"] == [1.0, 1.5]
    assert good["layers"][1]["kept_sum"] is None
    assert good["layers"][1]["tied"] is True
    assert bad["score"] is None


def test_markdown_cells_cannot_break_the_table(ranking: Ranking) -> None:
    lines = to_markdown(RankingReport(ranking).document(), level=3).splitlines()
    assert [line.startswith("| ") for line in lines] == [True] * 4 + [False] * 2
    assert "good, \\*with\\* \\| 😀 markup" in lines[2]
    assert 'failed: said "no", then stopped' in lines[3]
