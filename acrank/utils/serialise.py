"""Write rows as CSV and values as JSON, and read JSON as it is defined.

Python's own reader also takes NaN and Infinity, and makes the latter of 1e999.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from acrank.utils.visible import json_visible


def loads(text: str) -> Any:
    """Read a JSON document.

    Raises:
        ValueError: it is no JSON, or has a number that is none.
        RecursionError: it is nested too deeply.
    """
    return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number; write null")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:40]} is too large a number")
    return value


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows as CSV with a header; missing values are empty.

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


def finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with None in place of numbers that are not finite, which JSON has not."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }


def json_text(document: object) -> str:
    """Write a document as strict JSON; control characters are escaped, other letters are not."""
    return json_visible(json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)) + "\n"
