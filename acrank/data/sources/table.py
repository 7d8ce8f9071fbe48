"""Read datasets as a CSV file of paths and labels."""

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from acrank.data.checks import checked, listing
from acrank.data.formats import format_notices, image_source
from acrank.data.images import Opening
from acrank.data.labelnames import composed
from acrank.data.sources.base import DataSource, Recognised, Sure, existing
from acrank.data.tables.columns import COLUMNS, Cells, cell, group_place, places_of
from acrank.data.tables.paths import find_files
from acrank.data.tables.split import parts_in_paths, training_rows
from acrank.data.target import Target, assemble
from acrank.errors import DataError
from acrank.utils.paths import user_path
from acrank.utils.regular import read_regular

# The whole table is read into memory, and it may come from anyone.
MOST_BYTES = 200_000_000


class Row(NamedTuple):
    """One row of the file, numbered as a spreadsheet shows it: the header is row 1."""

    number: int
    path: str
    label: str
    group: str = ""


class Table(DataSource):
    """A CSV file of paths and labels."""

    name = "table"
    written = "a CSV file with the columns path,label"
    grouped = True

    def recognise(self, spec: str, *, asked: bool) -> Recognised | None:
        """A file called ``.csv``."""
        path = existing(spec)
        if path is None or path.is_dir() or path.suffix.lower() != ".csv":
            return None
        return Recognised("a CSV file", Sure.WRITTEN)

    def open(self, spec: str, how: Opening) -> Target:
        """Read and check the images of the rows."""
        return checked(open_csv(user_path(spec), how))

    def title(self, spec: str) -> str:
        """The file's name without its suffix."""
        return Path(spec).stem


def open_csv(file: Path, how: Opening) -> Target:
    """Read a CSV with the columns ``path`` and ``label``; paths are relative to its folder.

    Rows that a column gives to another part of a split than training are left out, as the
    target's warnings say. Further columns are left alone but for that of groups, and a row that
    repeats another adds nothing.

    Raises:
        DataError: the file is not such a CSV, or its rows are not usable.
    """
    table = _parse(file)
    path, label = places_of(file, table)
    group = None if how.group_column is None else group_place(file, table, how.group_column)
    _refuse_longer(file, table)
    chosen = training_rows(file, table, how.group_column)
    rows = [
        Row(n, cell(row, path), cell(row, label), "" if group is None else cell(row, group))
        for n, row in chosen.table.rows
    ]
    _refuse_blanks(file, rows)
    labels = _labels_by_path(file, rows)
    files = find_files(file, labels)
    same = _by_file(file, labels, files)
    of_file = _groups_by_file(file, rows, files)
    groups = [of_file[files[path]] or None for path in same]
    return assemble(
        str(file),
        ((path, label, image_source(files[path], how)) for path, label in same.items()),
        (
            *chosen.notices,
            *parts_in_paths(file, same),
            *_repeats(file, len(rows), len(same)),
            *format_notices(files[path] for path in same),
            *_ungrouped(file, how.group_column, groups),
        ),
        groups,
    )


def _groups_by_file(file: Path, rows: list[Row], files: Mapping[str, Path]) -> dict[Path, str]:
    """Map each image to its group; empty for none."""
    groups: dict[str, set[str]] = {}
    for row in rows:
        image = files[_normal(row.path)]
        groups.setdefault(str(image), set()).add(composed(row.group))
    _refuse_clashes(file, groups, "group")
    return {Path(image): min(names) for image, names in groups.items()}


def _ungrouped(file: Path, column: str | None, groups: Sequence[str | None]) -> list[str]:
    """Say how many images have no group."""
    blank = groups.count(None) if column else 0
    return (
        [f"{blank} of {len(groups)} images of {file} have no {column}: each is its own group."]
        if 0 < blank < len(groups)
        else []
    )


def _normal(path: str) -> str:
    return Path(os.path.normpath(path)).as_posix()


def _repeats(file: Path, rows: int, images: int) -> list[str]:
    """Say that rows add nothing."""
    repeated = rows - images
    return [f"{repeated} of {rows} rows of {file} repeat another row."] if repeated else []


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


def _parse(file: Path) -> Cells:
    try:
        records = list(csv.reader(io.StringIO(_text(file), newline=""), strict=True))
    except csv.Error as error:
        raise _undecodable(file, str(error)) from error
    header = [name.strip() for name in records[0]] if records else []
    rows = [
        (number, record)
        for number, record in enumerate(records[1:], start=2)
        if any(cell.strip() for cell in record)
    ]
    return Cells(header, rows)


def _refuse_longer(file: Path, table: Cells) -> None:
    """Refuse rows of more cells than columns: a label with a comma in it is cut there.

    Raises:
        DataError: there are such rows.
    """
    longer = [
        f"row {number}: {', '.join(row)}"
        for number, row in table.rows
        if any(value.strip() for value in row[len(table.header) :])
    ]
    if longer:
        raise DataError(
            f"{file}: {len(longer)} row(s) with more cells than the {len(table.header)} columns of "
            f"the first row:{listing(longer)}",
            hint='Put labels and paths that hold a comma in quotes: "red, round". If they hold '
            "none, name every column in the first row.",
        )


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
        labels.setdefault(_normal(row.path), set()).add(composed(row.label))
    _refuse_clashes(file, labels)
    return {path: min(names) for path, names in labels.items()}


def _by_file(file: Path, labels: dict[str, str], files: dict[str, Path]) -> dict[str, str]:
    """Keep the first path to each file: two Unicode forms of one path are one image."""
    first: dict[Path, str] = {}
    said: dict[str, set[str]] = {}
    for path, label in labels.items():
        said.setdefault(first.setdefault(files[path], path), set()).add(label)
    _refuse_clashes(file, said)
    return {path: min(names) for path, names in said.items()}


def _refuse_clashes(file: Path, labels: Mapping[str, set[str]], what: str = "label") -> None:
    clashes = [
        f"{path}: {', '.join(map(repr, sorted(names)))}"
        for path, names in labels.items()
        if len(names) > 1
    ]
    if clashes:
        raise DataError(
            f"{file}: {len(clashes)} path(s) with more than one {what}:{listing(clashes)}",
            hint=f"Give each image one {what}.",
        )
