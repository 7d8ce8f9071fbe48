"""Find the columns of a CSV file that hold paths and labels, or what may have been meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from acrank.data.imagefile import EXTENSIONS
from acrank.errors import DataError
from acrank.utils.regular import is_regular

COLUMNS = ("path", "label")
_PLAIN = "Its first row must name the columns path and label, separated by commas."
# Names that other tables have for the two, without case, spaces and underscores.
_PATHS = frozenset(
    (
        *(
            "path",
            "image",
            "images",
            "imageid",
            "imageindex",
            "imagename",
            "imagepath",
            "imagefile",
        ),
        *("img", "imgpath", "imgname", "imgid", "file", "files", "filename", "filenames"),
        *("filepath", "fname", "fpath", "paths", "fullpath", "relpath", "idcode", "id", "uri"),
        *("url", "picture", "photo"),
    )
)
_LABELS = frozenset(
    (
        *("label", "labels", "class", "classes", "classid", "classname", "category", "categories"),
        *("target", "targets", "diagnosis", "dx", "y", "findinglabels", "finding", "grade"),
        *("level", "breed", "species", "type", "tag", "tags", "result", "outcome"),
    )
)
# Columns of tables that are none of classes.
_BOX = frozenset(("x", "y", "width", "height"))
_CORNERS = frozenset(("xmin", "ymin", "xmax", "ymax"))
_MASKS = frozenset(
    ("encodedpixels", "rle", "segmentation", "mask", "masks", "maskpath", "maskid", "annotation")
)


class Cells(NamedTuple):
    """A CSV file as it is written: names of columns, and rows with their numbers."""

    header: list[str]
    rows: list[tuple[int, list[str]]]

    def column(self, place: int) -> list[str]:
        """The cells of a column, without spaces around them; empty where a row is short."""
        return [cell(row, place) for _, row in self.rows]


def cell(row: Sequence[str], place: int) -> str:
    """A cell without spaces around it; empty where the row is short."""
    return row[place].strip() if place < len(row) else ""


def places_of(file: Path, table: Cells) -> tuple[int, int]:
    """Find the columns ``path`` and ``label``.

    Raises:
        DataError: one is missing, or there twice; says which columns may be meant.
    """
    path, label = (_place(file, table, column) for column in COLUMNS)
    return path, label


def group_place(file: Path, table: Cells, column: str) -> int:
    """Find the column that names the groups of images.

    Raises:
        DataError: it is missing, there twice, or that of the paths or labels; says which columns
            there are.
    """
    others = [name for name in table.header if name not in COLUMNS]
    if others.count(column) == 1:
        return table.header.index(column)
    trouble = "is there twice" if column in others else "does not exist"
    trouble = f"has the {column}s themselves" if column in COLUMNS else trouble
    found = ", ".join(map(repr, others)) or "none"
    raise DataError(
        f"{file}: the column {column!r} of --group-column {trouble}. "
        f"Columns beside path and label: {found}.",
        hint="Name the column that says which images belong together, such as their patient.",
    )


def _place(file: Path, table: Cells, column: str) -> int:
    header = table.header
    if header.count(column) == 1:
        return header.index(column)
    found = ", ".join(map(repr, header)) if header else "none, the file is empty"
    trouble = "twice" if column in header else "missing"
    raise DataError(
        f"{file}: column {column!r} is {trouble}. Columns found: {found}.",
        hint=" ".join(filter(None, [_PLAIN, _meant(file, table)])),
    )


def _meant(file: Path, table: Cells) -> str:
    header = table.header
    if len(header) == 1:
        other = {";": "semicolons", "\t": "tabs", "|": "bars"}
        used = [name for sign, name in other.items() if sign in header[0]]
        if used:
            return f"The file has {used[0]} in place of commas: save it with commas."
    if any(_is_value(file, name) for name in header):
        return "The first row looks like an image already: put the names above it."
    path, label = _path_place(file, table), _label_place(table)
    renames = [
        f"{header[place]!r} to {column}"
        for column, place in zip(COLUMNS, (path, label), strict=True)
        if place is not None and header[place] != column
    ]
    told = f"Rename {' and '.join(renames)}." if renames else ""
    return " ".join(filter(None, [told, _one_hot(table, path), _no_classes(table)]))


def _is_value(file: Path, name: str) -> bool:
    return Path(name).suffix.lower() in EXTENSIONS or (
        "/" in name and is_regular(file.parent / name)
    )


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _path_place(file: Path, table: Cells) -> int | None:
    """The column whose cells are files, or that has a usual name."""
    if "path" in table.header:
        return table.header.index("path")
    for place in range(len(table.header)):
        cells = [value for value in table.column(place)[:20] if value]
        if cells and all(
            Path(value).suffix.lower() in EXTENSIONS or is_regular(file.parent / value)
            for value in cells
        ):
            return place
    return _usual(table, _PATHS)


def _label_place(table: Cells) -> int | None:
    if "label" in table.header:
        return table.header.index("label")
    return _usual(table, _LABELS)


def _usual(table: Cells, names: frozenset[str]) -> int | None:
    plain = [_plain(name) for name in table.header]
    box = set(plain) >= _BOX  # y is a place then, and no label
    return next((p for p, n in enumerate(plain) if n in names and not (box and n in _BOX)), None)


def _no_classes(table: Cells) -> str:
    """Say what to do with a table of masks or boxes."""
    plain = {_plain(name) for name in table.header}
    if plain & _MASKS:
        return (
            "A column of masks is not a label: images with masks are given as a folder, with "
            "images/ "
            "and masks/ in it, and masks written as numbers (run-length encoding) have to be saved "
            "as PNG first."
        )
    if plain >= _BOX or plain >= _CORNERS:
        return (
            "Its boxes are not read: give each image one row, with its class, or cut the objects "
            "out into class folders."
        )
    return ""


def _one_hot(table: Cells, path: int | None) -> str:
    """Say what to do with one column per class, each of zeros and ones."""
    if "label" in table.header or _label_place(table) is not None or len(table.rows) < 2:
        return ""
    # blank and -1: not looked at, uncertain, or no
    marks = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "": 0, "-1": 0, "-1.0": 0}
    places = [
        place
        for place in range(len(table.header))
        if place != path and {marks.get(value) for value in table.column(place)} in ({0, 1}, {1})
    ]
    if len(places) < 2:
        return ""
    names = ", ".join(table.header[place] for place in places[:6])
    sums = {sum(marks[cell(row, place)] for place in places) for _, row in table.rows}
    if sums == {1}:
        return (
            f"The columns {names} hold one class each (one-hot): write the name of the column that "
            "is "
            "1 into one column label."
        )
    return (
        f"The columns {names} hold one class each, and some rows have several or none: give each "
        "image one class in a column label; images with several labels are not supported."
    )
