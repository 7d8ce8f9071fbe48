import csv
import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from acrank.metrics.estimate import Estimate
from acrank.ranking import rank_results
from acrank.report.builders.ranking import RankingReport
from acrank.report.document import Document, table_of
from acrank.report.progress import ProgressListener
from acrank.report.renderers.markdown import to_markdown
from acrank.report.renderers.records import to_csv, to_json
from acrank.report.renderers.terminal import PLAIN_WIDTH, print_document
from acrank.results import ModelResult, Ranking
from acrank.utils.serialise import csv_text

NAMES = (
    *("[red]x[/red]", "[/x]", "a,b", 'q"uote', "new\nline", "tab\tx", "cr\rx", "crlf\r\nx"),
    *("\u05d0\u05d1\u05d2", "safe\u202egnp\u202c", "\U0001f600", "\x1b[31mred\x1b[0m", "nul\0x"),
    *("bell\x07\x9b31m", "\u2028x", "\x85x", "=1+1", "+1", "-1", "@x", "| \\| <b>", " lead"),
)


def hostile(names: tuple[str, ...] = NAMES) -> Ranking:
    results = [
        ModelResult(name, "ok", scores={"ac_corr": Estimate.of_trials([1.0, 1.5])})
        for name in names
    ]
    failed = ModelResult.failed("bad", f"no file {''.join(names)}")
    return rank_results([*results, failed], "ac_corr", 0, warnings=list(names))


def printed(ranking: Ranking, *, terminal: bool, width: int = PLAIN_WIDTH) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, color_system=None)
    print_document(RankingReport(ranking).document(), console)
    return stream.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_the_table_shows_names_and_obeys_none(terminal: bool) -> None:
    text = printed(hostile(), terminal=terminal)
    assert not {"\x1b", "\u202e", "\u202c", "\x9b", "\x07", "\0", "\r", "\u2028"} & set(text)
    for shown in (r"\x1b[31mred\x1b[0m", r"new\nline", r"safe\u202egnp", "[red]x[/red]", "[/x]"):
        assert shown in text
    assert "\u05d0\u05d1\u05d2" in text
    rows = [line for line in text.splitlines() if " ok" in line]
    assert len(rows) == len(NAMES)


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_shows_names_and_obeys_none(terminal: bool) -> None:
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=PLAIN_WIDTH,
        force_terminal=terminal,
        color_system=None,
        legacy_windows=False,
    )
    with ProgressListener(console) as listener:
        listener.start(len(NAMES))
        for name in NAMES:
            listener.message(name)
            listener.begin(name)
            listener.done(ModelResult.failed(name, name))
    text = stream.getvalue()
    assert "\x1b[31m" not in text
    assert not {"\u202e", "\x9b", "\x07", "\0", "\u2028"} & set(text)
    assert r"\x1b[31mred" in text


def test_csv_and_json_keep_every_name(tmp_path: Path) -> None:
    ranking = hostile()
    path = tmp_path / "out.csv"
    path.write_text(to_csv(RankingReport(ranking)), encoding="utf-8", newline="")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    expected = [row.result.model for row in ranking.rows]
    assert sorted(expected) == sorted([*NAMES, "bad"])
    assert [row["model"] for row in rows] == expected
    assert rows[-1]["reason"].endswith("".join(NAMES))
    document = to_json(RankingReport(ranking))
    assert [model["model"] for model in json.loads(document)["models"]] == expected
    assert not {"\x1b", "\u202e", "\x9b", "\0", "\u2028"} & set(document)
    assert "\u05d0\u05d1\u05d2" in document


def test_markdown_is_one_row_a_model_and_no_tag() -> None:
    text = to_markdown(RankingReport(hostile()).document(), level=3)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == len(NAMES) + 3
    assert not {"\x1b", "\u202e", "\x9b", "\0", "\u2028"} & set(text)
    assert "<b>" not in text
    assert "new line" in text
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in table} == {12}


def test_a_path_that_is_no_utf8_can_be_written() -> None:
    ranking = hostile(("caf\udce9",))
    for text in (
        to_csv(RankingReport(ranking)),
        to_json(RankingReport(ranking)),
        to_markdown(RankingReport(ranking).document(), level=3),
    ):
        text.encode("utf-8")
        assert r"caf\udce9" in text.replace(r"\\", "\\")
    assert json.loads(to_json(RankingReport(ranking)))["models"][0]["model"] == "caf\udce9"
    printed(ranking, terminal=False).encode("utf-8")


def test_empty_cells_and_headings() -> None:
    assert csv_text(("a", "b\r"), [{"a": None, "b\r": 1}]) == 'a,"b\r"\n,1\n'
    table = table_of("", ["a|b"], [["<x>"]], silent=True)
    assert to_markdown(Document((table,))) == "| a\\|b |\n| --- |\n| \\<x\\> |\n"
