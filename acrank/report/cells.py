"""What every form of report does with text from elsewhere, such as the names of models."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.text import Text

from acrank.utils.visible import json_visible, visible


def plain(text: str, style: str = "") -> Text:
    """Text for a terminal: no markup is read in it, and control characters show as escapes."""
    return Text(visible(text), style=style)


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV with a header; missing values are empty.

    A name reads back as it is, whatever is in it. So one that begins with ``=``, ``+``, ``-`` or
    ``@`` stays too, though a spreadsheet takes it for a formula: the names are the user's own.
    """
    stream = io.StringIO()
    # with this end of line csv quotes a lone \r as well, which readers take for an end of line
    writer = csv.DictWriter(stream, columns, lineterminator="\r\n")
    lines = []
    for row in [dict(zip(columns, columns, strict=True)), *rows]:
        writer.writerow({column: _encodable(value) for column, value in row.items()})
        lines.append(stream.getvalue().removesuffix("\r\n"))
        stream.seek(0)
        stream.truncate()
    return "\n".join(lines) + "\n"


def _encodable(value: Any) -> Any:
    """A path that is no UTF-8 has bytes that no UTF-8 file can hold; they show as escapes."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


def json_text(document: object) -> str:
    """A document as strict JSON; control characters are escaped, other letters are not."""
    return json_visible(json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)) + "\n"


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A GitHub table; nothing in a cell can end it or start a tag."""

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    body = (line(map(_markdown_cell, row)) for row in rows)
    return "\n".join([line(map(_markdown_cell, head)), "|" + " --- |" * len(head), *body]) + "\n"


def _markdown_cell(text: str) -> str:
    on_one_line = visible(" ".join(text.splitlines()))
    return on_one_line.replace("|", "\\|").replace("<", "&lt;")
