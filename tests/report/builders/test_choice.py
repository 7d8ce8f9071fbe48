"""What a report of a choice says on a terminal, on a page and in files."""

import io
import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from acrank.race.result import Arm, Choice, Judged, Lap, Rung, Standing
from acrank.race.standings import BEST_EXPECTED
from acrank.report.builders import choice_words as words
from acrank.report.builders.choice import ChoiceReport, write_choice
from acrank.report.builders.choice_figures import cost_plots, frontier, race_plot
from acrank.report.builders.choice_tables import latency_table, measures_table, times_table
from acrank.report.document import Section, Table
from acrank.report.figures import Scatter
from acrank.report.figures.courses import Courses
from acrank.report.progress import ChoiceProgress
from acrank.report.renderers.html import to_html
from acrank.report.renderers.markdown import to_markdown
from acrank.report.renderers.records import to_csv, to_json
from acrank.report.renderers.terminal import print_document
from acrank.results import ModelResult, RankedModel
from tests.report.choices import (
    ARMS,
    LITE,
    R18,
    SMALL,
    TINY,
    VIT,
    edge_cases,
    finetuned,
    judged,
    make_choice,
)
from tests.report.rankings import HOSTILE
from tests.report.renderers.parsed import Document

SCHEMA = Path(__file__).parents[3] / "docs" / "choice.schema.json"


def printed(choice: Choice, width: int = 80) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, highlight=False, force_terminal=True, color_system=None
    )
    print_document(ChoiceReport(choice).document(), console)
    return stream.getvalue()


def on_one_line(choice: Choice) -> str:
    return " ".join(printed(choice, 1000).split())


def test_the_answer_is_the_first_line() -> None:
    assert printed(make_choice(), 1000).splitlines()[:4] == [
        f"{LITE} by full at lr 0.01 was chosen and fine-tuned: accuracy 0.930 (95 % interval "
        "0.880 … 0.960) on 120 test images.",
        "With a probability of 0.36 it is the best of the 11 arms that raced.",
        f"The next, {TINY} by full at lr 0.003, is expected to be 0.5 points better (95 % interval "
        "-1.9 … 2.7 points).",
        f"It cannot be told apart from {TINY} by full at lr 0.003, {R18} by full at lr 0.01, which "
        "does not mean that they are equally good: the validation images are too few to say.",
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"how": "folds", "images": 480}, "by cross-validation of 480 images."),
        ({"how": "validation", "images": 80}, "that chose it, which is too high."),
        ({"low": None}, "accuracy 0.930 on 120 test images."),
        ({"value": None}, "its accuracy could not be judged."),
    ],
)
def test_it_says_what_the_measure_is_of(changed: dict[str, Any], said: str) -> None:
    first = words.outcome(make_choice(judged=judged(**changed)))[0]
    assert first.endswith(said)


def test_an_arm_that_is_alike_all_others_is_told_so_once() -> None:
    whole = make_choice()
    standings = tuple(replace(one, alike=True) for one in whole.standings)
    choice = replace(whole, standings=standings)
    lines = words.outcome(choice)
    assert any("told apart from any of the 10 other arms, which does not" in one for one in lines)
    assert words.lessons(choice)[0].endswith("the best other one, no more than noise.")


def test_a_reason_that_says_nothing_is_left_out() -> None:
    whole = make_choice()
    chosen = replace(whole.chosen, reason=BEST_EXPECTED)
    choice = replace(whole, standings=(chosen, *whole.standings[1:]))
    assert BEST_EXPECTED not in on_one_line(choice)
    assert BEST_EXPECTED not in to_markdown(ChoiceReport(choice).page())
    assert "Why it was chosen: the fastest of 3 that are alike." in on_one_line(whole)


def test_notes_that_were_told_on_the_way_are_on_the_page_alone() -> None:
    note = "The budget of 2 h was kept: 52 min were used."
    assert note not in on_one_line(make_choice())
    assert note in to_markdown(ChoiceReport(make_choice()).page())


def test_models_that_the_look_dropped_for_one_reason_share_a_line() -> None:
    whole = make_choice()
    gone = [ModelResult(f"late_{n}", "dropped", "not reached in the budget") for n in range(3)]
    rows = (*whole.ranking.rows, *map(RankedModel, gone))
    choice = replace(whole, ranking=replace(whole.ranking, rows=rows))
    line = "late_0, late_1, late_2: dropped in the look: not reached in the budget."
    assert line in words.dropped(choice)


def test_the_facts_say_which_images_were_for_what() -> None:
    facts = dict(ChoiceReport(make_choice()).page().facts)
    assert (facts["to train"], facts["to validate"], facts["to test"]) == ("400", "80", "120")
    assert "images" not in facts
    assert "images ranked on" in facts


def test_times_add_up_to_the_time_of_the_run() -> None:
    whole = make_choice()
    record = {**whole.record, "seconds": 3200.0}
    table = times_table(replace(whole, record=record, times={**whole.times, "judge": 0.0}))
    assert table is not None
    rows = [[str(cell) for cell in row.cells] for row in table.rows]
    assert not any("judging" in row[0] for row in rows)
    assert rows[-1][:2] == ["together", "53m20s"]
    assert rows[-2][1] == "2m14s"


def test_latency_has_units() -> None:
    known = {
        **{"thing": "patch", "shape": [1, 32, 32, 32], "median_ms": 9.123, "p10_ms": 8.8},
        **{"p90_ms": 10.6, "runs": 200, "per_second": 116.7, "batch_size": 16},
        **{"memory_bytes": 18722816, "memory": "at its peak", "parameters": 1613914},
        **{"file_bytes": 6480928, "device": "cpu", "odd": None},
    }
    table = latency_table(make_choice(latency=known))
    assert table is not None
    rows = {str(row.cells[0]): str(row.cells[1]) for row in table.rows}
    assert rows["one patch, median"] == "9.12 ms"
    assert rows["80 % of 200 runs"] == "8.8 to 10.6 ms"
    assert rows["throughput"] == "117 patches a second, in batches of 16"
    assert rows["memory"] == "18 MiB: at its peak"
    assert rows["device"] == "cpu"
    assert "odd" not in rows


def test_models_of_about_the_same_size_are_not_plotted_against_it() -> None:
    whole = make_choice()
    same = tuple(
        replace(one, params=10_000_000 + 1000 * place) for place, one in enumerate(whole.standings)
    )
    titles = [figure.title for figure in cost_plots(replace(whole, standings=same))]
    assert titles == ["Expected accuracy against time"]


def test_volumes_are_called_volumes_and_distances_are_millimetres(tmp_path: Path) -> None:
    whole = make_choice(judged=judged(measures={"dice": 0.8, "hd95": 2.1}))
    dataset = {**whole.record["dataset"], "spacing": [1.0, 1.0, 1.0]}
    choice = replace(
        whole,
        finetuned=finetuned(tmp_path, "segmentation"),
        record={**whole.record, "dataset": dataset},
    )
    assert words.outcome(choice)[0].endswith("on 120 test volumes.")
    assert "on the validation volumes" in to_markdown(ChoiceReport(choice).page())
    table = measures_table(choice)
    assert table is not None
    assert [str(row.cells[0]) for row in table.rows] == ["dice", "hd95, mm"]


def test_a_network_that_learned_nothing_is_said_to_be_one() -> None:
    assert words.outcome(make_choice(judged=judged(value=0.0)))[1].startswith("It has learned next")
    assert "learned next to nothing" not in on_one_line(make_choice())


def test_what_the_judge_tells_are_sentences() -> None:
    assert words.outcome(make_choice())[-2:] == [
        "On 120 test images, which had no part in the choice.",
        "It was 1.2 points better there.",
    ]
    assert words.sentence("resnet18.a1: it has no norm") == "resnet18.a1: it has no norm."


def test_an_arm_that_failed_later_on_is_no_runner_up() -> None:
    whole = make_choice()
    failed = replace(whole.standings[1], status="failed", reason="it diverged in rung 3")
    choice = replace(whole, standings=(whole.chosen, failed, *whole.standings[2:]))
    assert f"The next, {R18} by full" in words.outcome(choice)[2]
    assert f"{TINY}, full, lr 0.003: failed: it diverged in rung 3." in words.dropped(choice)


def test_the_folder_gets_the_file_and_the_page(tmp_path: Path) -> None:
    assert write_choice(make_choice(tmp_path)) == ()
    assert json.loads((tmp_path / "choice.json").read_text())["folder"] == str(tmp_path)
    assert "<!DOCTYPE html>" in (tmp_path / "choice.html").read_text()


def test_a_page_that_cannot_be_made_costs_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acrank.report.renderers.html.find_spec", lambda _: None)
    (note,) = write_choice(make_choice(tmp_path))
    assert note.startswith("choice.html is not written: ")
    assert "acrank[report]" in note
    assert [path.name for path in tmp_path.glob("choice.*")] == ["choice.json"]


def test_a_runner_up_that_is_worse_says_so_with_its_interval() -> None:
    whole = make_choice()
    behind = replace(whole.standings[1], behind=1.5, behind_low=-0.4, behind_high=3.2)
    lines = words.outcome(replace(whole, standings=(whole.chosen, behind)))
    assert f"The next, {TINY} by full at lr 0.003, is expected to be 1.5 points worse" in lines[2]
    assert lines[2].endswith("(95 % interval -0.4 … 3.2 points).")


def test_an_arm_alone_has_nothing_to_be_compared_with() -> None:
    assert "No other arm has a result" in on_one_line(edge_cases()["one arm"])


def test_a_terminal_of_80_columns_holds_the_table() -> None:
    text = printed(make_choice())
    assert max(map(len, text.splitlines())) <= 80
    (heading,) = (line for line in text.splitlines() if line.startswith("place"))
    assert heading.split() == ["place", "model", "regime", "lr", "expected", "behind", "status"]
    assert re.search(rf"2 +{LITE} +full +0.01 +0.920 +0.0 +chosen", text)
    wide = printed(make_choice(), 1000)
    assert re.search(r"0.810 +0.880 +0.925 +0.920 +0.885 … 0.955", wide)


def test_regimes_and_image_sizes_are_compared_in_words() -> None:
    regime, size, last = words.lessons(make_choice())
    assert regime == (
        "Regime: full did best for 3 of the 3 models that raced in several regimes; on average it "
        "was 8.5 points ahead of the best other one."
    )
    assert size.startswith(
        "Image size: from rung 2 (5 epochs, 96 pixels) to rung 3 (8 epochs, own image size) 4 "
        "arms gained 3.6 points on average"
    )
    assert last == "The chosen network was last raced at 224 x 224 pixels."
    one = make_choice(standings=make_choice().standings[:3], rungs=make_choice().rungs[:2])
    assert words.lessons(one)[0] == ("Regime: every arm with a result was fine-tuned by full.")


def test_what_was_dropped_has_its_reason_and_many_are_counted() -> None:
    lines = words.dropped(make_choice())
    assert f"{SMALL}, ac-norm, lr 0.01: failed: it diverged in epoch 2 at lr 0.01." in lines
    assert f"{VIT}, full, lr 0.001: skipped: no time for it: it would take 12 min." in lines
    assert "6 models did not race: rank 9 to 14 of 14 in the look." in lines
    assert "gone: failed in the look: no such file." in lines
    assert any(line.startswith("4 arms out after rung 1: ") for line in lines)
    few = make_choice(standings=make_choice().standings[:6])
    assert f"{TINY}, head, lr 0.1: out: behind in rung 2." in words.dropped(few)


def test_a_race_that_ended_early_says_why() -> None:
    said = "One full fine-tuning was enough: no arm left can be told apart from the best."
    assert said in on_one_line(edge_cases()["early"])
    assert said in to_markdown(ChoiceReport(edge_cases()["early"]).page())


def test_many_arms_are_cut_on_a_terminal_and_whole_on_a_page() -> None:
    choice = edge_cases()["many arms"]
    assert f"{len(choice.standings) - 21} more arms not shown" in on_one_line(choice)  # 1 skipped
    assert "0.059" not in on_one_line(choice)
    assert any(
        isinstance(block, Table) and len(block.rows) == len(choice.standings) - 1
        for section in ChoiceReport(choice).page().blocks
        if isinstance(section, Section)
        for block in section.blocks
    )


def test_arms_that_did_not_run_are_listed_apart() -> None:
    choice = make_choice()
    page = Document(to_html(ChoiceReport(choice).page()))
    text = " ".join(one.text for one in page.all("section"))
    assert "1 arm that did not run" in text
    assert f"{VIT} full 0.001 rank 5 no time for it: it would take 12 min" in text
    assert not re.search(rf"{VIT} +full", printed(choice))


def test_the_network_is_loaded_as_its_task_has_it(tmp_path: Path) -> None:
    choice = make_choice(tmp_path)
    name = f"local-dir:{tmp_path}"
    assert words.loading(choice).endswith(f"timm.create_model({name!r}, pretrained=True)")
    masks = replace(choice, finetuned=finetuned(tmp_path, "segmentation"))
    assert words.loading(masks).endswith(f"acrank.load_segmenter({str(tmp_path)!r})")


@pytest.mark.parametrize("name", edge_cases())
def test_every_choice_is_drawn_and_written(name: str) -> None:
    report = ChoiceReport(edge_cases()[name])
    page = report.page()
    assert Document(to_html(page)).all("section")
    assert to_markdown(page).startswith("# ")
    assert to_csv(report).count("\n") == len(report.choice.standings) + 1
    for width in (80, 120):
        assert max(map(len, printed(report.choice, width).splitlines())) <= width


def test_the_page_has_the_race_the_network_and_the_command(tmp_path: Path) -> None:
    page = Document(to_html(ChoiceReport(make_choice(tmp_path)).page()))
    sections = {one.attributes["id"]: one.text for one in page.all("section")}
    assert {"race", "costs", "network", "dropped", "plan", "run"} <= sections.keys()
    assert "The race, rung by rung" in sections["race"]
    assert "out: behind in rung 2" in sections["race"]
    assert "Confusion matrix" in sections["network"]
    assert "image 3 x 224 x 224" in sections["network"]
    assert "one image, median 24.3 ms" in sections["network"]
    assert "compared absolute 2.1e-06" in sections["network"]
    assert "The ranking of the look, by log_me" in sections["dropped"]
    assert "15 candidates ranked in about 6 min" in sections["plan"]
    assert "acrank choose" in sections["run"]
    assert f"--output {tmp_path}" in sections["run"]


def test_a_page_says_what_it_cannot_draw(tmp_path: Path) -> None:
    text = to_markdown(ChoiceReport(make_choice(tmp_path / "gone")).page())
    assert "Confusion matrix: it cannot be drawn" in text


def test_cases_are_left_out_of_a_page_without_images(tmp_path: Path) -> None:
    choice = replace(make_choice(tmp_path), finetuned=finetuned(tmp_path, "segmentation"))
    pictures = {
        "keys": np.array(["a"]),
        "dice": np.array([0.9]),
        "classes": np.array(["background", "cell"]),
        "foreground": np.array([1]),
        "image0": np.zeros((8, 8, 3), np.uint8),
        "truth0": np.eye(8, dtype=np.uint8),
        "guess0": np.eye(8, dtype=np.uint8),
    }
    np.savez(tmp_path / "cases.npz", **pictures)  # type: ignore[arg-type]
    shown = to_html(ChoiceReport(choice).page())
    assert "Cases, from the worst to the best" in shown
    assert "consider who may see it" in shown
    hidden = to_html(ChoiceReport(choice, images=False).page())
    assert "Cases with their predicted masks are left out" in hidden
    assert len(hidden) < len(shown)


def test_lines_break_where_a_rung_begins_anew() -> None:
    figure = race_plot(make_choice())
    assert figure is not None
    drawing = figure.drawing
    assert isinstance(drawing, Courses)
    assert [(stage.start, stage.end) for stage in drawing.stages] == [(0, 2), (2, 5), (5, 13)]
    chosen = drawing.courses[0]
    assert chosen.chosen
    assert [[epoch for epoch, _ in part] for part in chosen.parts] == [
        [1, 2, 3, 4, 5],
        [6, 7, 8, 9, 10, 11, 12, 13],
    ]
    assert chosen.end == (13, 0.925)
    assert [course.name for course in drawing.courses[3:5]] == [
        "tf_efficientnet_lite0 bn-only",
        "",
    ]
    assert len(drawing.courses) == 11


def test_a_curve_of_the_whole_training_is_drawn_once() -> None:
    whole = make_choice()
    first, second, last = whole.chosen.laps
    longer = replace(second, curve=(*first.curve, *second.curve))
    chosen = replace(whole.chosen, laps=(first, longer, last))
    one, other = map(race_plot, (whole, replace(whole, standings=(chosen, *whole.standings[1:]))))
    assert one is not None
    assert other is not None
    assert isinstance(one.drawing, Courses)
    assert isinstance(other.drawing, Courses)
    assert other.drawing.courses[0].parts == one.drawing.courses[0].parts


def test_no_arm_with_a_value_is_no_figure() -> None:
    assert race_plot(edge_cases()["no race"]) is None


def test_the_frontier_has_what_is_best_for_its_cost() -> None:
    choice = make_choice()
    front = {
        one.one.arm.name
        for one in frontier(choice.standings, lambda one: one.params and one.params / 1e6)
        if one.front
    }
    assert front == {ARMS[place][0].name for place in (0, 1, 10)}
    figures = list(cost_plots(choice))
    assert [figure.title for figure in figures] == [
        "Expected accuracy against time",
        "Expected accuracy against parameters",
    ]
    drawing = figures[0].drawing
    assert isinstance(drawing, Scatter)
    assert drawing.across.startswith("seconds of a full fine-tuning")


def test_rows_of_the_file_are_stable() -> None:
    records = ChoiceReport(make_choice()).records()
    assert list(records.columns) == [
        *("place", "status", "model", "method", "lr", "expected", "low", "high", "p_best"),
        *("behind", "behind_low", "behind_high", "alike"),
        *("value_rung_1", "value_rung_2", "value_rung_3"),
        *("seconds", "full_seconds", "params_m", "license", "entered", "reason", "chosen"),
    ]
    rows = list(records.rows)
    assert [row["chosen"] for row in rows] == [True] + [False] * 13
    assert rows[4]["value_rung_2"] == 0.83
    assert rows[4]["value_rung_3"] is None
    assert all(row.keys() == set(records.columns) for row in rows)


@pytest.mark.parametrize("name", edge_cases())
def test_the_file_keeps_to_its_schema(name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    data = json.loads(to_json(ChoiceReport(edge_cases()[name])))
    jsonschema.validate(data, schema)


def test_the_schema_has_every_field() -> None:
    defined = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]
    for kind, name in ((Lap, "lap"), (Rung, "rung"), (Judged, "judged"), (Standing, "arm")):
        assert {one.name for one in fields(kind)} - {"arm"} <= defined[name]["properties"].keys()
    assert {one.name for one in fields(Arm)} <= defined["arm"]["properties"].keys()


def test_the_bar_of_the_ranking_goes_when_the_race_begins() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)
    with ChoiceProgress(console) as progress:
        progress.start(2)
        assert progress.bar.tasks
        progress.ranked(make_choice().ranking)
        assert not progress.bar.tasks


def test_hostile_names_are_shown_as_text() -> None:
    whole = make_choice()
    hostile = Arm(HOSTILE, "full", 0.01)
    standings = (whole.chosen, replace(whole.standings[1], arm=hostile, reason=HOSTILE))
    report = ChoiceReport(replace(whole, standings=standings, notes=(HOSTILE,)))
    page = to_html(report.page())
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\x1b" not in page + printed(report.choice)
