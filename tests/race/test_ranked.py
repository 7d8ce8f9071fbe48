"""A choice as a ranking of models, written and read again, judged by the gate and compared."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from acrank.cli.app import app
from acrank.errors import ConfigError
from acrank.gate.judge import Verdict, judge
from acrank.gate.rules import Policy
from acrank.metrics.registry import METRICS, higher_is_better, is_fine_tuned, is_relative
from acrank.race.ranked import interval_of, ranking_of
from acrank.ranking.merge import merge
from acrank.report.builders.choice import ChoiceReport
from acrank.report.builders.ranking import RankingReport
from acrank.report.renderers.records import to_json
from acrank.results import Ranking
from acrank.results.changes import changes
from acrank.results.file import read_ranking
from acrank.utils.serialise import json_text
from tests.report.choices import (
    DENSE,
    LITE,
    OTHERS,
    R18,
    R50,
    SMALL,
    TINY,
    VIT,
    edge_cases,
    make_choice,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "choice.json"
    path.write_text(to_json(ChoiceReport(make_choice())), encoding="utf-8")
    return path


def judged(file: Path, **rules: Any) -> Verdict:
    return judge(read_ranking(file), Policy(allow_failed=True, **rules))


def found(file: Path, rule: str, **rules: Any) -> tuple[bool, str]:
    check = next(check for check in judged(file, **rules).checks if check.rule == rule)
    return check.passed, check.text


def test_what_was_chosen_is_first_and_every_model_of_the_look_has_one_row() -> None:
    ranking = ranking_of(make_choice())
    names = [row.result.model for row in ranking.rows]
    assert names[:4] == [LITE, TINY, R18, DENSE]
    assert len(names) == len(set(names)) == 15
    assert [row.rank for row in ranking.rows[:6]] == [1, 2, 3, 4, 5, 6]
    first = ranking.rows[0]
    assert (first.score, first.low, first.high) == pytest.approx((0.92, 0.885, 0.955))
    assert first.p_best == pytest.approx(0.36 + 0.03 + 0.03 / 7)  # of all its arms
    assert [row.tie_group for row in ranking.rows[:4]] == [1, 1, 1, None]
    assert ranking.rank_by == "fine-tuned accuracy"


def test_models_without_a_result_keep_their_row_and_reason() -> None:
    rows = {row.result.model: row for row in ranking_of(make_choice()).rows}
    assert rows[SMALL].rank == 6, "one of its two arms failed, and the other has a result"
    assert (rows[R50].result.status, rows[R50].rank) == ("failed", None)
    assert rows[R50].result.reason == "its weights cannot be read: truncated file"
    assert rows[VIT].result.status == "dropped"
    assert rows[VIT].result.reason == "no time for it: it would take 12 min"
    assert rows[OTHERS[0]].result.status == "dropped"
    assert rows[OTHERS[0]].result.reason == "not in the race: rank 9 of 14"
    assert (rows["gone"].result.status, rows["gone"].result.reason) == ("failed", "no such file")


def test_without_a_race_the_chosen_model_has_what_it_was_judged_by() -> None:
    ranking = ranking_of(edge_cases()["no race"])
    first = ranking.rows[0]
    assert (first.result.model, first.rank, first.tie_group) == (LITE, 1, 1)
    assert (first.score, first.low, first.high) == (0.93, 0.88, 0.96)
    assert {row.rank for row in ranking.rows[1:]} == {None}


def test_a_model_whose_arm_failed_later_on_has_failed() -> None:
    whole = make_choice()
    failed = replace(whole.standings[5], status="failed", reason="out of memory")
    standings = (*whole.standings[:5], failed, *whole.standings[6:])
    rows = {row.result.model: row for row in ranking_of(replace(whole, standings=standings)).rows}
    assert (rows[DENSE].rank, rows[DENSE].result.status) == (None, "failed")
    assert rows[DENSE].result.reason == "out of memory"


def test_an_interval_moves_with_what_is_expected() -> None:
    whole = make_choice()
    lap = whole.chosen.laps[-1]
    bounds = interval_of(whole.chosen)
    assert bounds is not None
    assert bounds[1] - bounds[0] == pytest.approx((lap.high or 0) - (lap.low or 0))
    assert interval_of(whole.standings[-1]) is None


def test_a_measure_of_a_race_is_no_metric() -> None:
    by = ranking_of(make_choice(measure="balanced_accuracy")).rank_by
    assert by == "fine-tuned balanced accuracy"
    assert by not in METRICS
    assert is_fine_tuned(by)
    assert higher_is_better(by)
    assert not is_relative(by)


@pytest.mark.parametrize("name", edge_cases())
def test_the_file_reads_as_a_ranking_and_writes_as_it_was(name: str, tmp_path: Path) -> None:
    path, choice = tmp_path / "choice.json", edge_cases()[name]
    path.write_text(to_json(ChoiceReport(choice)), encoding="utf-8")
    ranking = read_ranking(path)
    assert ranking.rows[0].result.model == LITE
    assert json.loads(json_text(RankingReport(ranking).data())) == json.loads(path.read_text())


def test_the_chosen_model_and_those_alike_pass_and_others_do_not(file: Path) -> None:
    assert judged(file, require=LITE, top_k=1).passed
    assert found(file, "top-k", require=R18, top_k=1) == (
        True,
        f"{R18} has rank 3 of 6; required: the first, but cannot be told apart from {LITE}",
    )
    passed, text = found(file, "top-k", require=DENSE, top_k=1)
    assert not passed
    assert text.endswith("required: the first, and can be told apart from it")
    passed, text = found(file, "top-k", require=DENSE, top_k=3)
    assert not passed
    assert "is unknown (the race compared them only with what it chose)" in text
    assert found(file, "scored", require=VIT) == (
        False,
        f"{VIT} is dropped: no time for it: it would take 12 min",
    )


def test_distances_are_in_the_unit_of_the_measure(file: Path) -> None:
    assert found(file, "fail-under", require=LITE, fail_under=0.91)[0]
    assert not found(file, "fail-under", require=LITE, fail_under=0.93)[0]
    # a dearer model that is alike is expected to be half a point better
    passed, text = found(file, "max-regret", require=LITE, max_regret=0.01)
    assert passed
    assert text == f"0.005 below {TINY}; required: at most 0.01"
    assert not found(file, "max-regret", require=LITE, max_regret=0.001)[0]
    assert found(file, "max-regret", require=TINY, max_regret=0.0) == (
        True,
        "it is the best; required: at most 0",
    )
    passed, text = found(file, "min-margin", min_margin=0.0)
    assert not passed
    assert text.startswith(f"0.005 below {TINY}")


def test_limits_leave_the_best_within_them(file: Path) -> None:
    assert judged(file, license=("mit",)).best == TINY
    assert judged(file, max_params=3.0).best == SMALL
    passed, text = found(file, "max-params", require=TINY, max_params=10)
    assert not passed
    assert text == "28,600,000 parameters; required: at most 10,000,000"


def test_a_failed_model_fails_the_gate_unless_that_is_allowed(file: Path) -> None:
    verdict = judge(read_ranking(file), Policy(require=LITE))
    assert [check.rule for check in verdict.failures] == ["complete"]
    assert verdict.failures[0].text == f"failed: {R50}, gone"


def test_the_command_chooses_what_was_chosen(file: Path, tmp_path: Path) -> None:
    run = CliRunner()
    given = ["gate", "--scores", str(file), "--allow-failed"]
    done = run.invoke(app, [*given, "--choose"])
    assert (done.exit_code, done.stdout) == (0, f"{LITE}\n")
    assert run.invoke(app, [*given, "--choose", "--license", "mit"]).stdout == f"{TINY}\n"
    done = run.invoke(app, [*given, "--require", DENSE])
    assert done.exit_code == 1
    assert "fine-tuned accuracy" in done.stdout
    done = run.invoke(app, ["compare", str(file), str(file)])
    assert done.exit_code == 0, done.output
    page = tmp_path / "page.html"
    done = run.invoke(app, ["report", str(file), "--html", str(page)])
    assert done.exit_code == 0, done.output
    text = page.read_text()
    assert "is first by fine-tuned accuracy: 0.9200" in text
    assert "acrank choose" in text
    assert "Dropped models" not in text


def test_two_choices_are_compared(tmp_path: Path) -> None:
    def ranking(budget: float, **changed: Any) -> Ranking:
        path = tmp_path / "choice.json"
        choice = make_choice(**changed)
        choice.record["config"]["budget"] = budget
        path.write_text(to_json(ChoiceReport(choice)), encoding="utf-8")
        return read_ranking(path)

    old, new = ranking(7200.0), ranking(3600.0)
    assert changes(old, new).differences == ()
    assert changes(old, new).changed == ()
    other = ranking(7200.0, measure="balanced_accuracy")
    assert all(move.difference is None for move in changes(old, other).moves)


def test_choices_are_not_merged(file: Path) -> None:
    with pytest.raises(ConfigError, match="is of a race"):
        merge([file])


def test_intervals_end_where_the_measure_does() -> None:
    one = make_choice().chosen
    lap = replace(one.laps[-1], expected=0.9, low=-0.3, high=1.4)
    assert interval_of(replace(one, expected=0.9, laps=(lap,))) == (0.0, 1.0)
    lap = replace(lap, low=-0.1, high=0.8, expected=0.3)
    low, high = interval_of(replace(one, expected=0.7, laps=(lap,))) or (None, None)
    assert low == pytest.approx(0.3)
    assert high == 1.0
