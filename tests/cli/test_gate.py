"""``acrank gate`` and ``acrank compare`` as a pipeline calls them."""

import inspect
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from acrank.cli.gate import gate
from acrank.cli.score import score
from acrank.config import RunConfig
from acrank.report.builders.ranking import RankingReport
from acrank.report.github import SUMMARY_BYTES
from acrank.report.renderers.records import to_json
from acrank.results import Ranking
from tests.cli.test_score import Acrank, acrank
from tests.gate.rankings import FAILED, FOUR, LAST, SECOND, ranking_of, result

__all__ = ["acrank"]

SCORES = ("gate", "--scores", "scores.json")
HOSTILE = 'a\n::error::b\r, "c" | <b>%0A\ufffe\x1b]0;'


@pytest.fixture(autouse=True)
def _not_in_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


def save(ranking: Ranking, name: str = "scores.json") -> None:
    Path(name).write_text(to_json(RankingReport(ranking)))


def test_it_scores_and_judges(acrank: Acrank) -> None:
    data = ("--data", "demo", "--zoo", "demo", "--model", "*cifar10*", "--samples", "64")
    options = ("--rank-by", "log_me", "--max-regret", "9", "--json", "scores.json")
    done = acrank("gate", *data, *options)
    assert done.returncode == 0, done.stderr
    assert "max-regret  passed   it is the best; required: at most 9" in done.stdout
    name = done.stdout.rpartition("The gate passed: ")[2].split(".\n")[0]
    again = acrank(*SCORES, "--require", name, "--baseline", "scores.json")
    assert again.returncode == 0
    assert "no drop" in again.stdout


def test_a_rule_that_is_not_met_is_exit_1(acrank: Acrank) -> None:
    save(ranking_of(FOUR))
    done = acrank(*SCORES, "--require", "last", "--max-regret", "1")
    assert done.returncode == 1
    assert "max-regret  FAILED   2 below first; required: at most 1" in done.stdout
    assert "The gate failed: last (max-regret)." in done.stdout


def test_it_has_every_option_of_score() -> None:
    """Else a baseline of such a setting could be met through a configuration file alone."""
    of_score, of_gate = (set(inspect.signature(command).parameters) for command in (score, gate))
    assert RunConfig.model_fields.keys() <= of_score & of_gate


def test_an_option_without_a_meaning_says_why(acrank: Acrank) -> None:
    done = acrank("gate", "--data", "demo", "--choose", "--shard", "1/2")
    assert done.returncode == 2
    assert "--shard cannot be used with acrank gate: it judges a whole zoo" in done.stderr


def test_choose_prints_the_name_alone(acrank: Acrank) -> None:
    save(ranking_of(FOUR))
    done = acrank(*SCORES, "--choose")
    assert (done.returncode, done.stdout) == (0, "first\n")
    assert "The gate passed: first." in done.stderr
    done = acrank(*SCORES, "--choose", "--fail-under", "3.5")
    assert (done.returncode, done.stdout) == (1, "")
    save(ranking_of([*FOUR, FAILED]))
    assert acrank(*SCORES, "--choose").stdout == ""
    assert acrank(*SCORES, "--choose", "--allow-failed").stdout == "first\n"


def test_choose_prints_one_line_that_is_no_command(acrank: Acrank) -> None:
    for name in (HOSTILE, "::error::x", "##[error]x"):
        save(ranking_of([result(name, 9.0), LAST]))
        done = acrank(*SCORES, "--choose")
        assert done.returncode == 0
        assert len(done.stdout.splitlines()) == 1
        assert not done.stdout.startswith(("::", "##["))
        assert "note: the name is printed with escapes" in done.stderr
        assert not any(line.lstrip().startswith("::") for line in done.stderr.splitlines())


def test_no_model_with_a_score_is_exit_4(acrank: Acrank) -> None:
    save(ranking_of([FAILED]))
    assert acrank(*SCORES, "--choose").returncode == 4


def test_rules_of_a_file_and_options_over_them(acrank: Acrank) -> None:
    save(ranking_of(FOUR))
    Path("acrank.yaml").write_text("samples: 16\ngate: {require: last, max_regret: 1}\n")
    given = (*SCORES, "--config", "acrank.yaml")
    assert acrank(*given).returncode == 1
    assert acrank(*given, "--max-regret", "2.5").returncode == 0
    assert acrank(*given, "--choose").stdout == "first\n"
    scored = acrank(
        "score", "--config", "acrank.yaml", "--data", "demo", "--zoo", "demo", "--top", "1"
    )
    assert scored.returncode == 0  # which passes the section over


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "The gate has no rule"),
        (("--choose", "--require", "first"), "contradict each other"),
        (("--max-drop", "1"), "max_drop and allow_different need a baseline"),
        (("--top-k", "2"), "top_k needs a required backbone"),
        (("--fail-under", "nan"), "Setting 'fail_under' is nan"),
        (("--max-regret", "-1"), "Setting 'max_regret' is -1.0"),
        (("--allow-guard", "bark", "--fail-under", "1"), "there is no guard 'bark'"),
        (("--fail-under", "1", "--samples", "9"), "--samples cannot be used with --scores"),
        (("--fail-under", "1", "--config", "odd.yaml"), "Unknown setting 'fail_over'"),
        (("--fail-under", "1", "--config", "list.yaml"), "must hold rules and values"),
        (("--fail-under", "1", "--baseline", "odd.yaml"), "'odd.yaml' is not JSON"),
        (("--fail-under", "1", "--junit", "no/such.xml"), "does not exist"),
    ],
)
def test_wrong_usage_is_exit_2(acrank: Acrank, options: tuple[str, ...], message: str) -> None:
    save(ranking_of(FOUR))
    Path("odd.yaml").write_text("gate: {fail_over: 1}\n")
    Path("list.yaml").write_text("gate: [1]\n")
    done = acrank(*SCORES, *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


RULELESS = "has no gate: section, the only part that --scores needs"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Gate: {fail_under: 99}", "Unknown setting 'Gate' (in 'a.yaml')"),
        ("gates: {fail_under: 99}", "Did you mean 'gate'?"),
        ("gate-rules: {fail_under: 99}", "Unknown setting 'gate-rules'"),
        (
            "fail_under: 99",
            "'fail_under' is a rule of the gate, but stands outside the gate section",
        ),
        ("data: demo\nmax_regret: 0", "'max_regret' is a rule of the gate"),
        ("sample: 9\ngate: {fail_under: 99}", "Did you mean 'samples'?"),
        ("gate:", "The gate: section of 'a.yaml' is empty"),
        ("gate: {}", "The gate: section of 'a.yaml' is empty"),
        ("gate:\n  fail_under:\n", "Rule 'fail_under' of 'a.yaml' has no value"),
        ("gate: {fail_under: 99}\ngate: {fail_under: 0}", "'gate' is given twice"),
        ("gate: {fail_under: 99, fail_under: 0}", "'fail_under' is given twice"),
        ("gate: {fail-under: 99}", "Did you mean 'fail_under'?"),
        ("gate: {license: []}", "it names no licence"),
        ("gate: {require: ''}", "Setting 'require' is ''"),
        ("gate: {require: first, top_k: true}", "Setting 'top_k' is True"),
        ("gate: {require: first, top_k: yes}", "it does not accept true or false"),
        ("gate: {max_params: on}", "Setting 'max_params' is True"),
        ("gate: {allow_failed: 7}", "Setting 'allow_failed' is 7"),
    ],
)
def test_a_rule_that_would_not_be_asked_is_refused(acrank: Acrank, text: str, message: str) -> None:
    save(ranking_of(FOUR))
    Path("a.yaml").write_text(text + "\n")
    for options in ((), ("--max-regret", "99")):
        done = acrank(*SCORES, "--config", "a.yaml", *options)
        assert done.returncode == 2
        assert message in done.stderr
        assert done.stdout == ""


def test_empty_variables_of_a_pipeline_ask_for_nothing(acrank: Acrank) -> None:
    save(ranking_of(FOUR))
    for option in ("--require", "--license", "--baseline"):
        done = acrank(*SCORES, "--fail-under", "0", option, "")
        assert done.returncode == 2, option
    for arguments in (("gate", "--data", "demo", "--choose"), ("list-zoo",)):
        done = acrank(*arguments, "--zoo", "")  # it is not the packaged one
        assert done.returncode == 2
        assert "zoo" in done.stderr


def test_a_file_without_rules_is_said_to_be_of_no_use(acrank: Acrank) -> None:
    save(ranking_of(FOUR))
    Path("a.yaml").write_text("samples: 16\n")
    done = acrank(*SCORES, "--config", "a.yaml")
    assert done.returncode == 2
    assert "The gate has no rule" in done.stderr
    done = acrank(*SCORES, "--config", "a.yaml", "--fail-under", "0")
    assert done.returncode == 0
    assert RULELESS in done.stderr
    Path("a.yaml").write_text("gate: {fail_under: 0}\n")
    assert RULELESS not in acrank(*SCORES, "--config", "a.yaml").stderr


def test_junit_has_a_case_a_rule_and_holds_any_name(acrank: Acrank) -> None:
    save(ranking_of([result(HOSTILE, 1.0), SECOND]))
    done = acrank(
        *SCORES, "--require", HOSTILE, "--fail-under", "0", "--top-k", "1", "--junit", "a.xml"
    )
    assert done.returncode == 1
    root = ElementTree.parse("a.xml").getroot()
    failed = {case.attrib["name"]: bool(case.findall("failure")) for case in root.iter("testcase")}
    assert failed == {
        **dict.fromkeys(("complete", "scored", "guards", "fail-under"), False),
        "top-k": True,
    }
    assert root.attrib["tests"] == "5"
    assert root.attrib["failures"] == "1"


def test_json_and_markdown_on_stdout(acrank: Acrank) -> None:
    save(ranking_of(FOUR))
    document = json.loads(acrank(*SCORES, "--max-params", "20", "--format", "json").stdout)
    assert (document["passed"], document["best"]) == (True, "first")
    assert document["policy"] == {"max_params": 20.0}
    assert [row["model"] for row in document["candidates"]] == ["first", "second", "last"]
    assert "### acrank: passed" in acrank(*SCORES, "--fail-under", "1", "--format", "md").stdout


class Actions:
    """The files and variables that GitHub gives a step."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.output, self.summary = folder / "output", folder / "summary"
        self.output.write_text("earlier=1\n")
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_OUTPUT", str(self.output))
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(self.summary))

    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.output.read_text().splitlines())


@pytest.fixture
def actions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _not_in_actions: None) -> Actions:
    return Actions(tmp_path, monkeypatch)


def test_in_github_actions_outputs_a_summary_and_annotations(
    acrank: Acrank, actions: Actions
) -> None:
    save(ranking_of(FOUR))
    done = acrank(*SCORES, "--require", "last", "--max-regret", "1", "--fail-under", "0")
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("::error")]
    assert errors == ["::error title=acrank gate%3A max-regret::2 below first; required: at most 1"]
    found = actions.outputs()
    assert (found["earlier"], found["best"], found["passed"]) == ("1", "first", "false")
    assert [row["model"] for row in json.loads(found["ranking"])] == [
        row.result.model for row in ranking_of(FOUR).rows
    ]
    assert "| max-regret | FAILED |" in actions.summary.read_text()


def test_a_name_cannot_write_outputs_or_commands(acrank: Acrank, actions: Actions) -> None:
    save(ranking_of([result(HOSTILE + "\npassed=true", 9.0), LAST]))
    done = acrank(*SCORES, "--fail-under", "99")
    assert done.returncode == 1
    assert actions.outputs().keys() == {"earlier", "best", "passed", "ranking"}
    assert actions.outputs()["passed"] == "false"
    assert sum("::" in line[:2] for line in done.stderr.splitlines()) == 1


def test_the_summary_stays_below_its_limit(acrank: Acrank, actions: Actions) -> None:
    actions.summary.write_text("x" * (SUMMARY_BYTES - 3000))
    save(ranking_of([result(f"model-{number:03}", float(number)) for number in range(99)]))
    assert acrank(*SCORES, "--fail-under", "0").returncode == 0
    text = actions.summary.read_text().lstrip("x")
    assert "more candidates." in text
    assert actions.summary.stat().st_size <= SUMMARY_BYTES
    actions.summary.write_text("x" * SUMMARY_BYTES)
    assert acrank(*SCORES, "--fail-under", "0").returncode == 0
    assert actions.summary.stat().st_size == SUMMARY_BYTES


def test_compare_shows_what_changed(acrank: Acrank) -> None:
    save(ranking_of(FOUR), "old.json")
    save(ranking_of([*FOUR[:2], result("new", 9.0, 9.0), result("last", 1.5, 1.5)]), "new.json")
    done = acrank("compare", "old.json", "new.json", "--csv", "all.csv", "--json", "all.json")
    assert done.returncode == 0, done.stderr
    assert "3 models are in both runs; 0 of them are unchanged." in done.stdout
    kinds = {
        row["model"]: row["change"] for row in json.loads(Path("all.json").read_text())["models"]
    }
    assert kinds == {
        "first": "down",
        "second": "down",
        "last": "changed",
        "new": "new",
        "third": "gone",
    }
    same = acrank("compare", "old.json", "old.json")
    assert same.stdout == "4 models are in both runs; 4 of them are unchanged.\n"
    assert (
        "| last | changed |" in acrank("compare", "old.json", "new.json", "--format", "md").stdout
    )
