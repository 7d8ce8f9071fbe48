"""Tables as data, for every form of report that is not a terminal's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        caption: says what it is; read out before it.
        columns: headings.
        rows: a text for each column.
        header: which column names its row.
        numeric: columns that are set to the right.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    header: int = 0
    numeric: frozenset[int] = frozenset()


def make_table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    header: str | None = None,
    text: Iterable[str] = (),
) -> Table:
    """A table whose columns are of numbers but for those named.

    Args:
        caption: says what it is.
        columns: headings.
        rows: a text for each column.
        header: the column that names its row; None for the first.
        text: columns of words, besides that one.
    """
    place = columns.index(header) if header else 0
    words = {columns[place], *text}
    numeric = frozenset(i for i, name in enumerate(columns) if name not in words)
    return Table(caption, tuple(columns), tuple(map(tuple, rows)), place, numeric)
