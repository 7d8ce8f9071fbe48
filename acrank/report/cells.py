"""Names and other texts from elsewhere, made safe for a terminal and for Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text

from acrank.utils.visible import visible


def plain(text: str, style: str = "") -> Text:
    """Text for a terminal: no markup is read in it, and control characters show as escapes."""
    return Text(visible(text), style=style)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A GitHub table; nothing in a cell can end it or start a tag."""

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    body = (line(map(_markdown_cell, row)) for row in rows)
    return "\n".join([line(map(_markdown_cell, head)), "|" + " --- |" * len(head), *body]) + "\n"


def _markdown_cell(text: str) -> str:
    on_one_line = visible(" ".join(text.splitlines()))
    return on_one_line.replace("|", "\\|").replace("<", "&lt;")
