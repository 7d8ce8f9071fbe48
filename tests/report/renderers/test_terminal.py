"""Test how documents are fitted to a terminal."""

import io

import pytest
from rich.console import Console

from acrank.report.document import (
    Code,
    Column,
    Details,
    Document,
    Group,
    Items,
    Row,
    Section,
    Table,
    Text,
    table_of,
)
from acrank.report.renderers.markdown import to_markdown
from acrank.report.renderers.terminal import PLAIN_WIDTH, fitted, print_document

NAME, REASON = Column("name", words=True), Column("reason", words=True)
LONG = "a sentence that is much too long for a narrow terminal"


def printed(document: Document, width: int = PLAIN_WIDTH, *, terminal: bool = True) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, color_system=None)
    print_document(document, console)
    return stream.getvalue()


def make_table(*columns: Column, rows: int = 2, leading: int = 0) -> Table:
    def cell(column: Column, row: int) -> str:
        if column.heading == "reason":
            return LONG
        return f"name-of-model-{row}" if column.heading == "name" else str(10**9 + row)

    lines = (Row(tuple(cell(column, row) for column in columns)) for row in range(rows))
    return Table("Caption", columns, tuple(lines), leading=leading, silent=True)


def headings(table: Table) -> list[str]:
    return [column.heading for column in table.columns]


def test_columns_of_the_highest_number_go_first_and_are_named_in_order() -> None:
    table = make_table(NAME, Column("b", priority=1), Column("c", priority=2), Column("d"))
    for width, hidden in ((60, []), (50, ["c"]), (38, ["b", "c"]), (10, ["b", "c"])):
        (shown,), told = fitted(table, width)
        assert told == hidden
        assert headings(shown) == [name for name in ("name", "b", "c", "d") if name not in hidden]


def test_reasons_wrap_before_columns_go_and_names_stay_whole() -> None:
    document = Document((make_table(NAME, Column("b", priority=1), REASON),))
    lines = printed(document, 62).splitlines()
    assert all(len(line) <= 62 for line in lines)
    assert "hidden" not in "".join(lines)
    assert sum("name-of-model-" in line for line in lines) == 2
    assert " ".join(line[29:].strip() for line in lines[1 : len(lines) // 2 + 1]).strip() == LONG


def test_what_is_hidden_is_said_below_its_table() -> None:
    document = Document((make_table(NAME, Column("b", priority=1), Column("c")), Text("last")))
    assert printed(document, 38).splitlines()[-2:] == [
        "Columns hidden for lack of width: b.",
        "last",
    ]


def test_a_table_that_may_hide_nothing_is_cut_up() -> None:
    table = make_table(NAME, *map(Column, "bcde"), leading=1)
    blocks, hidden = fitted(table, 40)
    assert not hidden
    assert list(map(headings, blocks)) == [["name", "b", "c"], ["name", "d", "e"]]
    assert [headings(block)[1:] for block in fitted(table, 5)[0]] == [["b"], ["c"], ["d"], ["e"]]
    assert list(map(headings, fitted(table, PLAIN_WIDTH)[0])) == [headings(table)]


def test_details_of_a_table_are_for_files() -> None:
    table = make_table(NAME, Column("hash", detail=True))
    assert "hash" not in printed(Document((table,)))
    assert "| name | hash |" in to_markdown(Document((table,)))


@pytest.mark.parametrize("width", [20, 60, 80, 110, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    table = make_table(NAME, *(Column(name, priority=9) for name in "bcd"), REASON)
    wide = table_of("Wide", ["name", *"bcdefgh"], [["x" * 9] * 8], leading=1)
    text = printed(Document((table, wide, Text(LONG))), width)
    assert all(len(line) <= width for line in text.splitlines())


def test_a_pipe_has_everything_on_one_line() -> None:
    table = make_table(NAME, Column("b", priority=1), REASON)
    lines = printed(Document((table, Text(LONG * 30))), terminal=False).splitlines()
    assert len(lines) == 4
    assert lines[1].endswith(LONG)
    assert lines[3] == LONG * 30


def test_every_block_has_its_place() -> None:
    table = make_table(NAME)
    document = Document(
        (
            Section("Section", "section", (table, Items(("one", "two")))),
            Group((table_of("Grouped", ["a"], [["1"]]),), "tables"),
            Code("acrank score\n  --data x", "Command"),
            Details("Folded", (Text("away"),)),
            Text("the deeper the tint, the better", tints=True),
        ),
        title="Title",
        outcome=("outcome",),
        facts=(("fact", "value"),),
        caveat="caveat",
    )
    lines = printed(document).splitlines()
    assert [line.strip() for line in lines] == [
        *("outcome", "fact: value", "", "Section", "name", "name-of-model-0", "name-of-model-1"),
        *("one", "two", "", "Grouped", "a", "1"),
        *("Command:", "acrank score", "--data x", "caveat"),
    ]
    text = to_markdown(document)
    assert text.startswith(
        "# Title\n\noutcome\n\n- fact: value\n\n*caveat*\n\n## Section\n\n| name"
    )
    assert "## Grouped\n\n| a |\n| --- |\n| 1 |" in text
    assert text.endswith("```\nacrank score\n  --data x\n```\n\naway\n")
