"""A document on a terminal, as wide as that is; whole and plain where stdout is not one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text as Styled

from acrank.report.document import (
    Block,
    Code,
    Column,
    Document,
    Group,
    Items,
    Row,
    Section,
    Table,
    Text,
)
from acrank.utils.visible import visible

# Wide enough that nothing is cut off or wrapped in a file or a pipe.
PLAIN_WIDTH = 1000
# How wide names and reasons stay before any column goes.
WRAPPED = 32
# Blanks between columns.
GAP = 2
STYLES = {"": None, "best": "green", "failed": "red", "quiet": "dim"}


def make_console(*, stderr: bool = False) -> Console:
    """A console for stdout or stderr: no truncation and no bar unless it is a terminal.

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
    """Text for a terminal: no markup is read in it, and control characters show as escapes."""
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
    """What has been printed so far, as far as it decides where an empty line belongs."""

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
                case Text():
                    self.say([block.text])
                case Items():
                    self.say(block.lines)
                case Code():
                    self.say([f"{block.label}:", *block.text.splitlines()])
                case Table():
                    self.table(block)
                case _:
                    pass  # figures and images, and what a page folds away

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
    """A table with as many columns as a terminal holds, and the headings of the others.

    Names and reasons are wrapped before any column goes; numbers are never wrapped. Where columns
    may not go, the table is cut into several, each with the leading columns.

    Args:
        table: to show.
        width: of the terminal, in letters.

    Returns:
        One table or, where it is cut up, several; and the headings.
    """
    places = [place for place, column in enumerate(table.columns) if not column.detail]
    widths = [_width(table, place) for place in range(len(table.columns))]
    if table.leading:
        return [_part(table, part) for part in _cut(places, widths, table.leading, width)], []

    def needed() -> int:
        return sum(
            min(widths[place], WRAPPED) if table.columns[place].words else widths[place]
            for place in places
        ) + GAP * (len(places) - 1)

    hidden: list[int] = []
    while needed() > width:
        last = max((table.columns[place].priority for place in places), default=0)
        if not last:
            break
        hidden += [place for place in places if table.columns[place].priority == last]
        places = [place for place in places if place not in hidden]
    return [_part(table, places)], [table.columns[place].heading for place in sorted(hidden)]


def _width(table: Table, place: int) -> int:
    texts = (table.columns[place].heading, *(str(row.cells[place]) for row in table.rows))
    return max(cell_len(visible(text)) for text in texts)


def _cut(
    places: Sequence[int], widths: Sequence[int], leading: int, width: int
) -> Iterable[list[int]]:
    first, rest = list(places[:leading]), list(places[leading:])
    room = width - sum(widths[place] + GAP for place in first) + GAP
    while rest:
        taken = [rest.pop(0)]
        while rest and sum(widths[place] + GAP for place in [*taken, rest[0]]) <= room:
            taken.append(rest.pop(0))
        yield [*first, *taken]


def _part(table: Table, places: Sequence[int]) -> Table:
    """The table with some of its columns."""
    columns = tuple(table.columns[place] for place in places)
    rows = (replace(row, cells=tuple(row.cells[place] for place in places)) for row in table.rows)
    return replace(table, columns=columns, rows=tuple(rows))


def _print_table(table: Table, console: Console) -> None:
    """Print a table; off a terminal without the blanks that pad its last column."""
    grid = _grid(table.columns, table.rows)
    if console.is_terminal:
        console.print(grid)
        return
    with console.capture() as capture:
        console.print(grid)
    lines = (line.rstrip() for line in capture.get().splitlines())
    console.out("\n".join(lines), highlight=False)


def _grid(columns: Sequence[Column], rows: Sequence[Row]) -> Grid:
    """Of columns of words, rich narrows the widest first, and wraps what is in them."""
    grid = Grid(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(
            plain(column.heading),
            justify="left" if column.words else "right",
            no_wrap=not column.words,
            overflow="fold",
        )
    for row in rows:
        grid.add_row(*(plain(str(cell)) for cell in row.cells), style=STYLES[row.tone])
    return grid
