"""Choose the rows of a CSV file that are to train on, where a column says which they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from acrank.data.folders.part_names import Role, is_split_word, is_training_word, role_of
from acrank.data.tables.columns import COLUMNS, Cells, cell
from acrank.errors import DataError

_YES = frozenset(("true", "1", "1.0", "yes", "y", "t"))
_NO = frozenset(("false", "0", "0.0", "no", "n", "f", ""))
_NAMES = frozenset(("split", "splits", "fold", "folds", "set", "subset", "partition"))


class Chosen(NamedTuple):
    """The rows to read, and what a user should know of the others."""

    table: Cells
    notices: tuple[str, ...]


def training_rows(file: Path, table: Cells, group_column: str | None = None) -> Chosen:
    """Leave out the rows that a column gives to another part than the training part.

    Such a column has words of a split alone, such as ``train`` and ``test``, or is called after
    one, such as ``is_valid``, and has truth values. A column with one value alone parts nothing.

    Args:
        file: of the table.
        table: all of it.
        group_column: the column that names the groups of images, which is not ignored.

    Raises:
        DataError: a column has parts of a split, and none of them is the training part.
    """
    notices = []
    for place, name in enumerate(table.header):
        if name in COLUMNS:
            continue
        values = [value.casefold() for value in table.column(place)]
        used = set(filter(None, values))
        training = _training_values(name, used)
        if training is None:
            if name.casefold() in _NAMES and 1 < len(used) <= 20 and name != group_column:
                notices.append(
                    f"The column {name!r} of {file} ({_values(values)}) is ignored: the rows of "
                    "all its values are used."
                )
            continue
        if not training:
            raise DataError(
                f"{file}: the column {name!r} names parts of a split, but none of them is the "
                f"training part: {_values(values)}.",
                hint="Leave only the rows to rank on in the file, or take the column out.",
            )
        rows = [row for row in table.rows if cell(row[1], place).casefold() in training]
        if len(rows) == len(table.rows):
            continue
        left = [value for value in values if value not in training]
        notices.append(
            f"{len(rows)} of {len(table.rows)} rows of {file} are read, by its column {name!r}; "
            f"rows of {_values(left)} are left out."
        )
        table = Cells(table.header, rows)
    return Chosen(table, tuple(notices))


def parts_in_paths(file: Path, paths: Iterable[str]) -> list[str]:
    """Say that the paths lead to several parts of a split: a list of images is taken as it is.

    Args:
        file: of the table.
        paths: of the rows that are read.
    """
    first = Counter(path.split("/")[0] for path in paths if "/" in path)
    roles = {name: role_of(name) for name in first}
    parts = [name for name, role in roles.items() if role in (Role.TRAINING, Role.HELD_OUT)]
    if Role.TRAINING not in roles.values() or Role.HELD_OUT not in roles.values():
        return []
    shown = ", ".join(f"{name}/ {first[name]}" for name in parts)
    return [f"{file} names images of several parts of a split, and all are read: {shown}."]


def _training_values(name: str, used: set[str]) -> set[str] | None:
    """The values that say training; None for a column that parts nothing."""
    if len(used) < 2:
        return None
    if all(map(is_split_word, used)):
        return {value for value in used if is_training_word(value)}
    role = role_of(name.casefold().removeprefix("is_").removeprefix("is"))
    if role in (Role.TRAINING, Role.HELD_OUT) and used <= _YES | _NO and used & _YES:
        return set(_YES if role is Role.TRAINING else _NO)
    return None


def _values(values: Iterable[str]) -> str:
    counts = Counter(values).most_common()
    shown = [f"{value or 'no value'} {count}" for value, count in counts[:6]]
    return ", ".join(shown) + (", ..." if len(counts) > 6 else "")
