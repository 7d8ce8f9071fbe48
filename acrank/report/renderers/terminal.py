"""Print a document as wide as the terminal is; whole and plain where there is none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text as Styled

from acrank.report.document import (
    Block,
    Code,
    Document,
    Group,
    Items,
    Section,
    Table,
    Text,
)
from acrank.utils.visible import visible

# Wide enough that nothing is cut off or wrapped in a file or a pipe.
PLAIN_WIDTH = 1000
# How wide names and reasons stay before any column goes.
WRAPPED = 32
# How narrow a column of words becomes at most.
NARROWEST = 12
# Blanks between columns.
GAP = 2
STYLES = {"": None, "best": "green", "failed": "red", "quiet": "dim"}


def make_console(*, stderr: bool = False) -> Console:
    """Make a console for stdout or stderr: no truncation and no bar unless it is a terminal.

    Nor is there colour, unless ``FORCE_COLOR`` asks for it: to rich, that makes a terminal of 80
    columns of a pipe.
    """
    console = Console(stderr=stderr, highlight=False)
    if console.file.isatty():
        return console
    colour: Literal["standard"] | None = "standard" if os.environ.get("FORCE_COLOR") else None
    return Console(
        stderr=stderr,
        highlight=False,
        width=PLAIN_WIDTH,
        force_terminal=False,
        color_system=colour,
    )


def plain(text: str, style: str = "") -> Styled:
    """Make text that holds no markup and shows control characters as escapes."""
    return Styled(visible(text), style=style)


def print_document(document: Document, console: Console) -> None:
    """Print a document, but for its title, figures, images and what a page folds away.

    Args:
        document: to show.
        console: from :func:`make_console`.
    """
    sheet = _Sheet(console)
    sheet.say(document.outcome)
    sheet.say(f"{name}: {value}" for name, value in document.facts)
    sheet.blocks(document.blocks)
    if document.caveat:
        sheet.say([document.caveat])


class _Sheet:
    """Prints blocks, with an empty line above each table that follows something else."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.apart = False  # whether something stands above from which a table is to be set apart

    def blocks(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            match block:
                case Section():
                    self.head(block.title)
                    self.blocks(block.blocks)
                case Group():
                    self.blocks(block.blocks)
                case Text(tints=False):
                    self.say([block.text])
                case Items():
                    self.say(block.lines)
                case Code():
                    self.say([f"{block.label}:", *block.text.splitlines()])
                case Table():
                    self.table(block)
                case _:
                    pass  # figures, images, tints, and what a page folds away

    def head(self, text: str) -> None:
        if self.apart:
            self.console.print()
        self.console.print(plain(text, style="bold"), soft_wrap=not self.console.is_terminal)
        self.apart = False

    def say(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.console.print(plain(line), soft_wrap=not self.console.is_terminal)
            self.apart = True

    def table(self, table: Table) -> None:
        if not table.silent:
            self.head(table.caption)
        elif self.apart:
            self.console.print()
        blocks, hidden = fitted(table, self.console.width)
        for block in blocks:
            _print_table(block, self.console)
        self.apart = True
        if hidden:
            self.say([f"Columns hidden for lack of width: {', '.join(hidden)}."])


def fitted(table: Table, width: int) -> tuple[list[Table], list[str]]:
    """Fit a table to a width: choose the columns that it has room for.

    Names and reasons are wrapped before any column goes; numbers are never wrapped. Where columns
    may not go, the table is cut into several, each with the leading columns.

    Args:
        table: to show.
        width: of the terminal, in letters.

    Returns:
        One table or, where it is cut up, several; and the headings.
    """
    places = [place for place, column in enumerate(table.columns) if not column.detail]
    widths = _widths(table)
    if 0 < table.leading < len(places):
        return [_part(table, part) for part in _cut(places, widths, table.leading, width)], []
    least = [
        min(widths[place], WRAPPED) if column.words else widths[place]
        for place, column in enumerate(table.columns)
    ]
    hidden: list[int] = []
    while _total(least[place] for place in places) > width:
        last = max((table.columns[place].priority for place in places), default=0)
        if not last:
            break
        hidden += [place for place in places if table.columns[place].priority == last]
        places = [place for place in places if place not in hidden]
    return [_part(table, places)], [table.columns[place].heading for place in sorted(hidden)]


def _widths(table: Table) -> list[int]:
    """Measure the letters that each column takes where nothing is wrapped."""
    lines = [[column.heading for column in table.columns]]
    lines += [[str(cell) for cell in row.cells] for row in table.rows]
    columns = zip(*lines, strict=True)
    return [max(1, *(cell_len(visible(text)) for text in texts)) for texts in columns]


def _total(widths: Iterable[int]) -> int:
    """Add up the letters of a line of such columns."""
    return sum(width + GAP for width in widths) - GAP


def _narrowed(table: Table, width: int) -> list[int]:
    """Narrow columns to a width: those of reasons before names, the widest first."""
    widths = _widths(table)
    words = [place for place, column in enumerate(table.columns) if column.words]
    others = [place for place in words if place != table.header]
    for narrow in (others, words):
        while narrow and _total(widths) > width:
            widest = max(narrow, key=lambda place: widths[place])
            if widths[widest] <= NARROWEST:
                break
            widths[widest] -= 1
    return widths


def _cut(
    places: Sequence[int], widths: Sequence[int], leading: int, width: int
) -> Iterator[list[int]]:
    """Yield the places of the columns of each block."""
    first, rest = list(places[:leading]), list(places[leading:])
    while rest:
        block = [*first, rest.pop(0)]
        while rest and _total(widths[place] for place in [*block, rest[0]]) <= width:
            block.append(rest.pop(0))
        yield block


def _part(table: Table, places: Sequence[int]) -> Table:
    """Make a table of some of the columns."""
    columns = tuple(table.columns[place] for place in places)
    rows = (replace(row, cells=tuple(row.cells[place] for place in places)) for row in table.rows)
    header = places.index(table.header) if table.header in places else 0
    return replace(table, columns=columns, rows=tuple(rows), header=header)


def _print_table(table: Table, console: Console) -> None:
    """Print a table; off a terminal without the blanks that pad its last column."""
    grid = _grid(table, console.width)
    if console.is_terminal:
        console.print(grid)
        return
    with console.capture() as capture:
        console.print(grid)
    lines = (line.rstrip() for line in capture.get().splitlines())
    console.out("\n".join(lines), highlight=False)


def _grid(table: Table, width: int) -> Grid:
    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for column, letters in zip(table.columns, _narrowed(table, width), strict=True):
        grid.add_column(
            plain(column.heading),
            width=letters,
            justify="left" if column.words else "right",
            no_wrap=not column.words,
            overflow="fold",
        )
    for row in table.rows:
        grid.add_row(*(plain(str(cell)) for cell in row.cells), style=STYLES[row.tone])
    return grid
