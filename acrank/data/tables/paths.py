"""Find the files that the paths of a CSV file lead to, or what is amiss where there are none."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from acrank.data.checks import listing
from acrank.data.folders.part_names import Role, roles_of
from acrank.data.formats import image_suffixes
from acrank.data.labelnames import composed
from acrank.data.target import visible_entries
from acrank.errors import DataError
from acrank.utils.regular import is_regular

_MOST_FOLDERS = 50


def find_files(file: Path, paths: Iterable[str]) -> dict[str, Path]:
    """Find the file of each path; Unicode's composed and decomposed names are the same.

    Args:
        file: the table; paths are relative to its folder.
        paths: as written, with forward slashes.

    Raises:
        DataError: some are no files; says by which change they would be.
    """
    look = _Lookup(file.parent)
    found = {path: look.find(path) for path in paths}
    missing = [path for path, place in found.items() if place is None]
    if missing:
        raise DataError(
            f"{file}: {len(missing)} path(s) that are not files in "
            f"{file.parent}:{listing(missing)}",
            hint=_change(file.parent, missing),
        )
    return {path: place for path, place in found.items() if place is not None}


class _Lookup:
    """Finds files below a folder by names that may be in another Unicode form."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, dict[str, str]] = {}

    def find(self, path: str) -> Path | None:
        """The file of a path, or None."""
        if is_regular(self.folder / path):
            return self.folder / path
        if path.isascii() or "\0" in path:
            return None
        place = str(self.folder)
        for part in Path(path).parts:
            place = os.path.join(place, self._listed(place).get(composed(part), part))  # noqa: PTH118 - keeps ..
        return Path(place) if is_regular(place) else None

    def _listed(self, folder: str) -> Mapping[str, str]:
        if folder not in self.names:
            try:
                self.names[folder] = {composed(name): name for name in os.listdir(folder)}  # noqa: PTH208
            except (OSError, ValueError):
                self.names[folder] = {}
        return self.names[folder]


def _change(folder: Path, missing: Sequence[str]) -> str:
    """The change of the paths by which most of them are files."""
    best, count = "", 0
    for words, change in _changes(folder, missing):
        there = sum(is_regular(change(path)) for path in missing)
        if there > count:
            best, count = words, there
        if count == len(missing):
            break
    if not count:
        return "Paths are relative to the CSV's folder and are written with forward slashes."
    how_many = f"all {count}" if count == len(missing) else f"{count} of {len(missing)}"
    return f"{best}, {how_many} exist."


Change = Callable[[str], Path]


def _changes(folder: Path, missing: Sequence[str]) -> Iterator[tuple[str, Change]]:
    """List what people forget, the likeliest first, in words and as a change of a path."""
    yield "With forward slashes", lambda path: folder / path.replace("\\", "/")
    for suffix in _suffixes(folder, missing[0]):
        yield f"With {suffix} appended", _appended(folder, suffix)
    here = Path.cwd()
    where = f"Relative to {here}, where the command runs, and not to the CSV's folder"
    yield where, _appended(here, "")
    inside = _folders(folder)
    for inner in inside:
        yield f"With {inner.name}/ in front", _appended(inner, "")
        for suffix in _suffixes(inner, missing[0]):
            words = f"With {inner.name}/ in front and {suffix} appended"
            yield words, _appended(inner, suffix)
    found = dict.fromkeys(suffix for inner in inside for suffix in _suffixes(inner, missing[0]))
    for suffix in ("", *found):
        also = f" and {suffix} appended" if suffix else ""
        yield f"With the folder in front in which each is{also}", _wherever(inside, suffix)
    yield "Without the leading slash", lambda path: folder / path.lstrip("/")
    yield "By the last part of the paths alone", _last_part(folder)
    for inner in _folders(folder):
        yield f"By the last part of the paths alone, in {inner.name}/", _last_part(inner)
    for suffix in image_suffixes():
        yield f"With the suffix {suffix}", _other_suffix(folder, suffix)
    yield "In upper or lower case as the files are", _any_case(folder)


def _appended(folder: Path, suffix: str) -> Change:
    return lambda path: folder / f"{path}{suffix}"


def _wherever(folders: Sequence[Path], suffix: str) -> Change:
    """The file in the only folder that has it; nowhere, if several have."""

    def change(path: str) -> Path:
        there = [folder for folder in folders if is_regular(folder / f"{path}{suffix}")]
        return (there[0] if len(there) == 1 else Path()) / f"{path}{suffix}"

    return change


def _last_part(folder: Path) -> Change:
    return lambda path: folder / re.split(r"[\\/]", path)[-1]


def _other_suffix(folder: Path, suffix: str) -> Change:
    return lambda path: folder / f"{os.path.splitext(path)[0]}{suffix}"  # noqa: PTH122 - of any text


def _suffixes(folder: Path, path: str) -> list[str]:
    """Suffixes by which a path without one would be a file."""
    every = dict.fromkeys([*image_suffixes(), *(suffix.upper() for suffix in image_suffixes())])
    return [suffix for suffix in every if is_regular(folder / f"{path}{suffix}")]


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder, those of test images last: names may be in both parts."""
    try:
        found = [entry for entry in visible_entries(folder) if entry.is_dir()][:_MOST_FOLDERS]
    except OSError:
        return []
    roles = dict(zip(found, roles_of([entry.name for entry in found]), strict=True))
    order = {Role.TRAINING: 0, Role.HELD_OUT: 2}
    return sorted(found, key=lambda entry: order.get(roles[entry] or Role.NUMBERED, 1))


def _any_case(folder: Path) -> Callable[[str], Path]:
    @cache
    def listed(place: Path) -> Mapping[str, str]:
        try:
            return {entry.name.casefold(): entry.name for entry in visible_entries(place)}
        except OSError:
            return {}

    def change(path: str) -> Path:
        place = folder
        for part in Path(path).parts:
            place /= part if part in ("..", "/") else listed(place).get(part.casefold(), part)
        return place

    return change
