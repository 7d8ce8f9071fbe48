"""Report the results that are kept between runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from acrank.report.document import Column, Document, Records, Report, Row, Table, Text

if TYPE_CHECKING:
    from acrank.cache import Kept

# Of use to programs beside what people are shown: the file, whose name is a hash.
_SHOWN = {
    "model": Column("model", words=True),
    "data": Column("data", words=True, priority=1),
    "metrics": Column("metrics", priority=3),
    "kept": Column("kept", words=True),
    "bytes": Column("bytes", priority=2),
    "file": Column("file", words=True, detail=True),
}


@dataclass(frozen=True)
class CacheReport(Report):
    """The results that ``acrank cache ls`` lists, in order."""

    entries: Sequence[Kept]

    def document(self) -> Document:
        """Make a table of the results, and say how many bytes they take together."""
        size = sum(kept.size for kept in self.entries)
        rows = tuple(Row(tuple(map(str, row.values()))) for row in self.data())
        table = Table("Kept results", tuple(_SHOWN.values()), rows, silent=True)
        return Document((table, Text(f"{len(rows)} results, {size / 1e6:.1f} MB")))

    def records(self) -> Records:
        """Make a CSV row for each result."""
        return Records(tuple(_SHOWN), self.data())

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
