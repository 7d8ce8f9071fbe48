"""Write a document as Markdown in which no name or message acts as markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from acrank.report.document import (
    Block,
    Code,
    Details,
    Document,
    Group,
    Items,
    Section,
    Table,
    Text,
)
from acrank.utils.visible import visible

# What Markdown or HTML gives a meaning to; an underscore has none within a word.
_SPECIAL = re.compile(r"[\\`*\[\]<>&|~#$]|(?<![^\W_])_|_(?![^\W_])")
# The lowest heading that there is.
_LOWEST = 6


def to_markdown(document: Document, level: int = 1) -> str:
    """Write a document as Markdown, without its figures and images.

    Args:
        document: to write.
        level: of its title, or of what stands under no title.
    """
    blocks = [
        _heading(document.title, level) if document.title else "",
        *map(escaped, document.outcome),
        _listed(f"{name}: {value}" for name, value in document.facts),
        f"*{escaped(document.caveat)}*" if document.caveat else "",
        *_written(document.blocks, level + 1 if document.title else level),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escaped(text: str) -> str:
    """Escape what Markdown or HTML would act on, and put the text on one line."""
    return _SPECIAL.sub(r"\\\g<0>", visible(" ".join(text.splitlines())))


def _written(blocks: Iterable[Block], level: int) -> Iterator[str]:
    for block in blocks:
        match block:
            case Section():
                inner = [*_written(block.blocks, level + 1)]
                if inner:  # not one of figures alone
                    yield from (_heading(block.title, level), *inner)
            case Group() | Details():
                yield from _written(block.blocks, level)
            case Text(tints=False):
                yield escaped(block.text)
            case Items():
                yield _listed(block.lines)
            case Code():
                yield _fenced(block)
            case Table():
                if not block.silent:
                    yield _heading(block.caption, level)
                yield _table(block)
            case _:
                pass  # figures, images and what is said of tints


def _heading(text: str, level: int) -> str:
    return f"{'#' * min(level, _LOWEST)} {escaped(text)}"


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escaped(line)}" for line in lines)


def _table(table: Table) -> str:
    """Write a GitHub table; nothing in a cell can end it or start a tag."""

    def line(cells: Iterable[object]) -> str:
        return "| " + " | ".join(escaped(str(cell)) for cell in cells) + " |"

    head = line(column.heading for column in table.columns)
    sides = "".join(" --- |" if column.words else " ---: |" for column in table.columns)
    return "\n".join([head, f"|{sides}", *(line(row.cells) for row in table.rows)])


def _fenced(code: Code) -> str:
    """Write a block of code whose fence is longer than any in it."""
    longest = max(map(len, re.findall("`+", code.text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{code.language}\n{visible(code.text, keep=chr(10))}\n{fence}"
