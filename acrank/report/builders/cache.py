"""Report the results that are kept between runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from acrank.report.document import Column, Document, Records, Text, tabulate

if TYPE_CHECKING:
    from acrank.cache import Kept

COLUMNS = ("model", "data", "metrics", "kept", "bytes", "file")
_SHOWN = (
    Column("model", words=True),
    Column("data", words=True, priority=1),
    Column("metrics", priority=3),
    Column("kept", words=True),
    Column("bytes", priority=2),
    # its name is a hash and of use to programs
    Column("file", words=True, detail=True),
)


@dataclass(frozen=True)
class CacheReport:
    """The results that ``acrank cache ls`` lists, in order."""

    entries: Sequence[Kept]

    def document(self) -> Document:
        """Make a table of the results, and say how many bytes they take together."""
        size = sum(kept.size for kept in self.entries)
        table = tabulate(
            "Kept results",
            [(column, _cell(column.heading)) for column in _SHOWN],
            self.data(),
            silent=True,
        )
        return Document((table, Text(f"{len(self.entries)} results, {size / 1e6:.1f} MB")))

    def records(self) -> Records:
        """Make a CSV row for each result."""
        return Records(COLUMNS, self.data())

    def data(self) -> list[dict[str, Any]]:
        """Give the values of each result under fixed names."""
        return [
            {
                "model": kept.model,
                "data": kept.data,
                "metrics": kept.metrics,
                "kept": datetime.fromtimestamp(kept.modified, UTC).isoformat(timespec="seconds"),
                "bytes": kept.size,
                "file": str(kept.path),
            }
            for kept in self.entries
        ]


def _cell(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda row: str(row[name])
