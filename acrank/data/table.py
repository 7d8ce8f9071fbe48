"""Datasets as a CSV file of paths and labels."""

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from acrank.common.regular import is_regular, read_regular
from acrank.data.checks import listing
from acrank.data.target import PathSource, Target, assemble
from acrank.errors import DataError

COLUMNS = ("path", "label")
MOST_BYTES = 200_000_000


class Row(NamedTuple):
    """One row of the file, numbered as a spreadsheet shows it: the header is row 1."""

    number: int
    path: str
    label: str


def open_csv(file: Path) -> Target:
    """Read a CSV with the columns ``path`` and ``label``; paths are relative to its folder.

    Other columns are left alone, and a row that repeats another adds nothing.

    Raises:
        DataError: the file is not such a CSV, or its rows are not usable.
    """
    rows = _parse(file)
    _refuse_blanks(file, rows)
    labels = _labels_by_path(file, rows)
    _refuse_missing(file, labels)
    return assemble(
        str(file),
        ((path, label, PathSource(file.parent / path)) for path, label in labels.items()),
    )


def _text(file: Path) -> str:
    try:
        text = read_regular(file, MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _undecodable(file, f"byte {error.start} is not UTF-8") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(
            f"{file}: cannot be read: {reason}.", hint="Give a CSV file with paths and labels."
        ) from error
    if "\0" in text:
        raise _undecodable(file, "it holds NUL characters")
    return text


def _undecodable(file: Path, reason: str) -> DataError:
    return DataError(
        f"{file}: not a readable CSV: {reason}.", hint="Save it as CSV with UTF-8 encoding."
    )


def _parse(file: Path) -> list[Row]:
    try:
        records = list(csv.reader(io.StringIO(_text(file), newline=""), strict=True))
    except csv.Error as error:
        raise _undecodable(file, str(error)) from error
    header = [name.strip() for name in records[0]] if records else []
    places = [_place(file, header, column) for column in COLUMNS]
    return [
        Row(number, *(_cell(record, place) for place in places))
        for number, record in enumerate(records[1:], start=2)
        if any(cell.strip() for cell in record)
    ]


def _place(file: Path, header: list[str], column: str) -> int:
    if header.count(column) == 1:
        return header.index(column)
    found = ", ".join(map(repr, header)) if header else "none, the file is empty"
    trouble = "twice" if column in header else "missing"
    raise DataError(
        f"{file}: column {column!r} is {trouble}. Columns found: {found}.",
        hint="Its first row must name the columns path and label, separated by commas.",
    )


def _cell(record: list[str], place: int) -> str:
    return record[place].strip() if place < len(record) else ""


def _refuse_blanks(file: Path, rows: Iterable[Row]) -> None:
    blank = [
        f"row {row.number}: no {' and no '.join(missing)}"
        for row in rows
        if (missing := [name for name in COLUMNS if not getattr(row, name)])
    ]
    if blank:
        raise DataError(
            f"{file}: {len(blank)} row(s) without a path or a label:{listing(blank)}",
            hint="Fill them in or remove them.",
        )


def _labels_by_path(file: Path, rows: list[Row]) -> dict[str, str]:
    """Map each image to its label; two spellings of one path are one image."""
    labels: dict[str, set[str]] = {}
    for row in rows:
        path = Path(os.path.normpath(row.path)).as_posix()
        labels.setdefault(path, set()).add(row.label)
    clashes = [
        f"{path}: {', '.join(map(repr, sorted(names)))}"
        for path, names in labels.items()
        if len(names) > 1
    ]
    if clashes:
        raise DataError(
            f"{file}: {len(clashes)} path(s) with more than one label:{listing(clashes)}",
            hint="Give each image one label.",
        )
    return {path: min(names) for path, names in labels.items()}


def _refuse_missing(file: Path, paths: Iterable[str]) -> None:
    missing = [path for path in paths if not is_regular(file.parent / path)]
    if missing:
        raise DataError(
            f"{file}: {len(missing)} path(s) that are no files in {file.parent}:{listing(missing)}",
            hint="Paths are relative to the CSV's folder and are written with forward slashes.",
        )
