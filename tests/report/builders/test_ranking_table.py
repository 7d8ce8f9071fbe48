import io

import pytest
from rich.console import Console

from acrank.metrics.estimate import Estimate
from acrank.ranking import rank_results
from acrank.report.builders.ranking import RankingReport
from acrank.report.progress import ProgressListener
from acrank.report.renderers.terminal import PLAIN_WIDTH, make_console, print_document
from acrank.results import ModelResult, Ranking


def make_ranking(name: str = "a-rather-long-model-name.of_some_recipe") -> Ranking:
    values = {"ac_corr": [1.0, 1.5], "ac_corr_channel": [0.1, 0.2], "ac_corr_zero": [0.9, 0.9]}
    scores = {name: Estimate.of_trials(trials) for name, trials in values.items()}
    ok = ModelResult(name, "ok", scores=scores, flags={"dead-channels": "9 of 16 channels (56%)"})
    tied = ModelResult("tied", "unranked", "every layer is tied.")
    return rank_results([ok, tied, ModelResult.failed("bad", "[red]boom[/red]")], "ac_corr", 0)


def printed(width: int, terminal: bool = False, top: int | None = None) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, color_system=None)
    print_document(RankingReport(make_ranking(), top).document(), console)
    return stream.getvalue()


def test_everything_is_there_on_one_line_a_model() -> None:
    lines = printed(PLAIN_WIDTH).splitlines()
    assert "ac_corr ↑" in lines[0]
    assert "a-rather-long-model-name.of_some_recipe" in lines[1]
    assert "1.250" in lines[1]
    assert "dead-channels (9 of 16 channels (56%))" in lines[1]
    assert "unranked: every layer is tied." in lines[2]
    assert "failed: [red]boom[/red]" in lines[3]  # a reason is text, not markup
    assert all(line == line.rstrip() for line in lines)


def test_a_narrow_terminal_drops_columns_and_says_so() -> None:
    text = printed(90, terminal=True)
    assert "Columns hidden for lack of width: " in text.replace("\n", " ")
    assert all(len(line) <= 90 for line in text.splitlines())
    assert "1.250" in text


def test_long_reasons_are_wrapped_before_columns_go() -> None:
    text = printed(168, terminal=True)
    assert "hidden" not in text
    assert "95 % interval" in text
    assert all(len(line) <= 168 for line in text.splitlines())


def test_top_counts_what_it_hides() -> None:
    text = printed(PLAIN_WIDTH, top=1)
    assert "2 more rows not shown" in text
    assert "boom" not in text


def test_not_a_terminal_means_no_colour(capsys: pytest.CaptureFixture[str]) -> None:
    print_document(RankingReport(make_ranking()).document(), make_console())
    assert "\x1b" not in capsys.readouterr().out


def test_progress_is_plain_lines_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressListener(make_console(stderr=True)) as listener:
        listener.message("mind [this]")
        listener.start(2)
        for name in ("a", "b"):
            listener.begin(name)
            listener.done(ModelResult.failed(name, "no [weights]"))
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert lines[0] == "note: mind [this]"
    assert lines[2] == "[2/2] b: failed (0.0 s) no [weights]"


def test_a_dropped_model_shows_its_number_and_why_it_is_not_ranked() -> None:
    ok = make_ranking().rows[0].result
    seen = ModelResult("seen", "ok", scores={"ac_corr": Estimate.of_trials([7.0])})
    dropped = [seen.dropped("after round 1: place 9 of 12"), ModelResult("x", "dropped", "late")]
    stream = io.StringIO()
    console = Console(file=stream, width=PLAIN_WIDTH, color_system=None)
    print_document(RankingReport(rank_results([ok, *dropped], "ac_corr", 0)).document(), console)
    lines = stream.getvalue().splitlines()
    assert lines[2].split()[:2] == ["seen", "7.000"]
    assert lines[2].endswith("dropped: after round 1: place 9 of 12")
    assert lines[3].endswith("dropped: late")
    assert "their numbers come from fewer images" in lines[-1]


def test_progress_counts_every_round_anew(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressListener(make_console(stderr=True)) as listener:
        for total in (3, 1):
            listener.start(total)
            listener.begin("a")
            listener.done(ModelResult("a", "ok"))
    assert [line[:5] for line in capsys.readouterr().err.splitlines()] == ["[1/3]", "[1/1]"]


@pytest.mark.parametrize("forced", ["", "1"])
def test_a_pipe_is_never_80_columns_wide(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], forced: str
) -> None:
    monkeypatch.setenv("FORCE_COLOR", forced)
    monkeypatch.delenv("NO_COLOR", raising=False)
    console = make_console()
    assert (console.width, console.is_terminal) == (PLAIN_WIDTH, False)
    print_document(RankingReport(make_ranking("x" * 200)).document(), console)
    out = capsys.readouterr().out
    assert "x" * 200 in out
    assert "dead-channels (9 of 16 channels (56%))" in out
    assert ("\x1b[" in out) == bool(forced)
    with ProgressListener(make_console(stderr=True)) as listener:
        listener.start(2)
    assert capsys.readouterr().err == ""
