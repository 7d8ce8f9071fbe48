"""A ranking as a Markdown report: what the page says, without its figures."""

from __future__ import annotations

import re

from acrank.report.cells import markdown_table
from acrank.report.ranking_facts import (
    CAVEAT,
    guards_table,
    heading,
    metrics_table,
    outcome,
    particulars_table,
    ranking_table,
    run_tables,
    summary,
)
from acrank.report.ranking_text import reading_notes
from acrank.report.repeat import SETTINGS_FILE, Repeat, repeat
from acrank.report.tables import Table
from acrank.results import Ranking
from acrank.utils.visible import visible

# What Markdown gives a meaning to, wherever it stands.
_SPECIAL = re.compile(r"([\\`*_\[\]<>&|~#!$])")
_SPECIAL_IN_CELL = re.compile(r"([\\`*_\[\]>&~#!$])")  # markdown_table sees to the others


def to_report(ranking: Ranking) -> str:
    """Heading, outcome, table, notes, guards in words, values, the run and how to repeat it.

    Args:
        ranking: to show.
    """
    blocks = [
        f"# {escaped(heading(ranking))}",
        *map(escaped, outcome(ranking)),
        _listed([f"{name}: {value}" for name, value in summary(ranking)]),
        f"*{CAVEAT}*",
        "## Ranking",
        _table(ranking_table(ranking)),
        "## Notes and guards",
        _listed([*ranking.warnings, *reading_notes(ranking)]),
        *_titled("###", guards_table(ranking)),
        *_titled("###", particulars_table(ranking)),
        "## Metrics side by side",
        _table(metrics_table(ranking)),
        "## The run",
        "### How to repeat it",
        *_repeated(repeat(ranking.record)),
        *(block for table in run_tables(ranking) for block in _titled("###", table)),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def escaped(text: str) -> str:
    """Text on one line in which Markdown and HTML find nothing to act on."""
    return _SPECIAL.sub(r"\\\1", visible(" ".join(text.splitlines())))


def _cell(text: str) -> str:
    return _SPECIAL_IN_CELL.sub(r"\\\1", visible(" ".join(text.splitlines())))


def _listed(lines: list[str]) -> str:
    return "\n".join(f"- {escaped(line)}" for line in lines)


def _titled(level: str, table: Table | None) -> list[str]:
    return [] if table is None else [f"{level} {escaped(table.caption)}", _table(table)]


def _table(table: Table) -> str:
    cells = ([*map(_cell, row)] for row in table.rows)
    return markdown_table([*map(_cell, table.columns)], cells).rstrip("\n")


def _repeated(found: Repeat) -> list[str]:
    blocks = [_fenced(found.command, "sh")] if found.words else []
    if found.settings:
        blocks += [f"with this in `{SETTINGS_FILE}`:", _fenced(found.settings.rstrip("\n"), "yaml")]
    return [*blocks, escaped(found.note)]


def _fenced(text: str, language: str) -> str:
    """A block of code; its fence is longer than any in it."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible(text, keep=chr(10))}\n{fence}"
