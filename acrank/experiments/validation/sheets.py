"""Read tables of text with their line numbers from CSV, score JSON and data frames."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acrank.errors import ConfigError, DataError
from acrank.utils.regular import read_regular

if TYPE_CHECKING:
    import pandas as pd

# Words that spreadsheets and data frames write for a missing value.
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-"})
SHOWN = 5
MOST_BYTES = 200_000_000


@dataclass(frozen=True)
class Row:
    """One row: its line in the file (the header is line 1) and its cells by column."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Sheet:
    """A table of text.

    Attributes:
        name: path of the file, for messages.
        stem: stem of the file: the name of a dataset or metric that the table does not name.
        columns: column names in order, each once.
        rows: rows that are not empty.
    """

    name: str
    stem: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def place(self, row: Row, column: str) -> str:
        """Return the place of a cell as messages name it."""
        return f"{self.name}, line {row.line}, column {column!r}"

    def number(self, row: Row, column: str) -> float:
        """Return the number in a cell; NaN for an empty cell or a word such as ``nan``.

        Raises:
            DataError: the cell holds something else, or an infinite number.
        """
        text = row.cells[column]
        if text.lower() in MISSING:
            return math.nan
        try:
            value = float(text)
        except ValueError:
            value = math.inf
        if not math.isfinite(value):
            raise DataError(
                f"{self.place(row, column)}: {text!r} is not a finite number.",
                hint="Write a number with a decimal point, or leave the cell empty.",
            )
        return value

    def is_numeric(self, column: str) -> bool:
        """Return whether some cell of a column is a number."""
        return any(_is_number(row.cells[column]) for row in self.rows)


def read_sheet(path: Path) -> Sheet:
    """Read a CSV file (comma, semicolon or tab) or a JSON file of ``acrank score``.

    Raises:
        DataError: the file cannot be read or is no such table; says where.
    """
    text = _text(path)
    if path.suffix.lower() == ".json":
        return _from_json(path, text)
    return parse_csv(text, str(path), path.stem)


def from_frame(frame: pd.DataFrame, name: str) -> Sheet:
    """Turn a data frame into a sheet without its index.

    Args:
        frame: a table with a column of model names.
        name: name in messages, and of a dataset or metric that the frame does not name.
    """
    return parse_csv(frame.to_csv(index=False), name, name)


def parse_csv(text: str, name: str, stem: str) -> Sheet:
    """Split the text of a CSV file into rows.

    Raises:
        DataError: no header, a column named twice, a row with too many cells, or no rows.
    """
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
        records = [(reader.line_num, [cell.strip() for cell in record]) for record in reader]
    except csv.Error as error:
        raise DataError(f"{name}: not a readable CSV: {error}.", hint="Save it again.") from error
    records = [(line, cells) for line, cells in records if any(cells)]
    if len(records) < 2:
        raise DataError(
            f"{name}: {'no rows below its header' if records else 'the file is empty'}.",
            hint="The first row names the columns; each further row is a model.",
        )
    columns = _header(name, records[0][1])
    return Sheet(name, stem, columns, tuple(_row(name, columns, *rest) for rest in records[1:]))


def rows_where(sheet: Sheet, conditions: Sequence[str]) -> Sheet:
    """Keep the rows that have some values in some columns.

    Args:
        sheet: the table.
        conditions: each as ``COLUMN=VALUE``; a row must meet all.

    Raises:
        ConfigError: a condition is not of this form.
        DataError: there is no such column, or no row with such a value.
    """
    for condition in conditions:
        column, equals, value = condition.partition("=")
        if not equals:
            raise ConfigError(f"--where {condition!r} is no condition.", hint="Use COLUMN=VALUE.")
        if column not in sheet.columns:
            raise DataError(
                f"{sheet.name}: no column {column!r}. Columns found: {listing(sheet.columns)}.",
                hint="Names are case-sensitive.",
            )
        rows = tuple(row for row in sheet.rows if row.cells[column] == value)
        if not rows:
            there = listing(dict.fromkeys(row.cells[column] for row in sheet.rows))
            raise DataError(
                f"{sheet.name}: no row has {value!r} in column {column!r}.",
                hint=f"There are: {there}.",
            )
        sheet = replace(sheet, rows=rows)
    return sheet


def listing(names: Iterable[str]) -> str:
    """List some names, and how many more there are."""
    ordered = list(names)
    more = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    return ", ".join(map(repr, ordered[:SHOWN])) + more


def _text(path: Path) -> str:
    try:
        text = read_regular(path, MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is not UTF-8.", hint="Save it as CSV with UTF-8 encoding."
        ) from error
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read: {error.strerror or error}.", hint="Check the path."
        ) from error
    if "\0" in text:
        raise DataError(f"{path}: it holds NUL characters.", hint="Give a CSV file.")
    return text


def _delimiter(text: str) -> str:
    header = text.lstrip().partition("\n")[0]
    return max(",;\t", key=header.count)


def _header(name: str, cells: Sequence[str]) -> tuple[str, ...]:
    twice = [cell for cell in dict.fromkeys(cells) if cell and cells.count(cell) > 1]
    if twice:
        raise DataError(
            f"{name}, line 1: column(s) {listing(twice)} appear twice.",
            hint="Give each column a name of its own.",
        )
    # A data frame's index has no name; it is kept apart so that it can be told of.
    return tuple(cell or f"(unnamed {place})" for place, cell in enumerate(cells, start=1))


def _row(name: str, columns: Sequence[str], line: int, cells: Sequence[str]) -> Row:
    if any(cells[len(columns) :]):
        raise DataError(
            f"{name}, line {line}: {len(cells)} cells, but {len(columns)} columns.",
            hint="Put names that hold a comma in double quotes.",
        )
    padded = [*cells, *[""] * (len(columns) - len(cells))]
    return Row(line, dict(zip(columns, padded, strict=False)))


def _from_json(path: Path, text: str) -> Sheet:
    hint = "Give the file of acrank score --json, or a CSV file."
    try:
        document = json.loads(text)
        models: list[dict[str, Any]] = document["models"]
        metrics = [name for name in document["metrics"] if name != "params_m"]
        columns = ("model", *metrics, "params_m")
        rows = [{column: _cell(model.get(column)) for column in columns} for model in models]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} is not a JSON file of acrank score.", hint=hint) from error
    return Sheet(str(path), path.stem, columns, tuple(map(Row, range(1, len(rows) + 1), rows)))


def _cell(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
