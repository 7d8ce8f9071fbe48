"""Which folder holds the class folders: the one given, its training part, or the only one in it.

A part of a split, a fold or a patient is no class, and ranking for such "classes" would look like
a result. Where the class folders cannot be told, nothing is guessed: the refusal says what was
seen and what to give instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from acrank.data.partnames import Role, role_of, roles_of, says_nothing, split_by_class
from acrank.data.passedover import beside_notice
from acrank.data.walk import folders_in, holds_images, images_in
from acrank.errors import DataError

_DEEPEST = 8
_CSV = "list the images in a CSV file with the columns path,label"


@dataclass(frozen=True)
class Top:
    """A folder that holds images, as far as it has been looked at."""

    path: Path
    role: Role | None

    @cached_property
    def inner(self) -> list[Path]:
        """The folders of images in it, looking through one that only says what images are."""
        return _inner(self.path)

    @cached_property
    def direct(self) -> int:
        """How many images lie right in it."""
        return len(images_in(self.path))

    @property
    def nests(self) -> bool:
        """Whether it holds folders of images, and no image itself."""
        return bool(self.inner) and not self.direct


def _inner(folder: Path, depth: int = _DEEPEST) -> list[Path]:
    found = [entry for entry in folders_in(folder) if holds_images(entry)]
    if len(found) == 1 and says_nothing(found[0].name):
        return [] if images_in(folder) or not depth else _inner(found[0], depth - 1)
    return found


class Root(NamedTuple):
    """Where the class folders are, and what a user should know of how that was told."""

    path: Path
    notices: tuple[str, ...]


def class_root(folder: Path) -> Root:
    """Find the folder that holds the class folders.

    Args:
        folder: as given.

    Raises:
        DataError: its folders are parts of a split, folds, patients, or all hold the same folders.
        OSError: a folder cannot be listed.
    """
    notices: list[str] = []
    for _ in range(_DEEPEST):
        tops = _tops(folder)
        inside = _training_part(folder, tops) or _only_way(tops)
        if inside is None:
            _refuse_same_folders(folder, tops)
            return Root(folder, (*notices, *_taken_as_classes(tops)))
        others = [top for top in tops if top.path != inside and top.path not in inside.parents]
        notices += beside_notice(folder)
        if others:
            notices.append(
                f"{inside} is read as the training part, without {_names(others)} beside it."
            )
        else:
            notices.append(f"{inside} is read: it has the class folders.")
        folder = inside
    return Root(folder, tuple(notices))


def training_and_held_out(folder: Path) -> tuple[Path | None, list[Path]]:
    """The training part of a folder, and the parts to test on: test before validation images.

    Only names are looked at. A folder that holds one folder alone is entered.

    Args:
        folder: as given.

    Raises:
        OSError: it cannot be listed.
    """
    entries = folders_in(folder)
    for _ in range(_DEEPEST):
        if len(entries) != 1 or role_of(entries[0].name):
            break
        entries = folders_in(entries[0])
    roles = roles_of([entry.name for entry in entries])
    parts = list(zip(entries, roles, strict=True))
    training = [entry for entry, role in parts if role is Role.TRAINING]
    held_out = [entry for entry, role in parts if role is Role.HELD_OUT]
    held_out.sort(key=lambda entry: "test" not in entry.name.casefold())
    return (training[0] if len(training) == 1 else None), held_out


def _tops(folder: Path) -> list[Top]:
    entries = [entry for entry in folders_in(folder) if holds_images(entry)]
    roles = roles_of([entry.name for entry in entries])
    return [Top(entry, role) for entry, role in zip(entries, roles, strict=True)]


def _training_part(folder: Path, tops: Sequence[Top]) -> Path | None:
    """The training part, if there is one with class folders; None if no top is a part.

    Raises:
        DataError: there are parts, and it cannot be told what to read.
    """
    training = [top for top in tops if top.role is Role.TRAINING]
    held_out = [top for top in tops if top.role is Role.HELD_OUT]
    others = [top for top in tops if top.role is None]
    if len(training) == 1 and training[0].nests:
        (train,) = training
        if held_out or not others:
            return train.path
        raise _unclear(folder, train, others)
    if len(tops) == 1 and tops[0].role in (Role.NUMBERED, Role.PATIENT):
        return None
    if tops and all(top.role for top in tops):
        raise _parts_refused(folder, tops)
    if (training and held_out) or len(held_out) > 1:
        raise _parts_refused(folder, [top for top in tops if top.role])
    if split_by_class([top.path.name for top in tops]):
        raise DataError(
            f"{folder}: the names of its folders, {_names(tops)}, say both a class and a part of a "
            "split.",
            hint=f"Move the training images to one folder a class, or {_CSV}.",
        )
    for part in held_out:
        names = {inner.name.casefold() for inner in part.inner}
        if names & {top.path.name.casefold() for top in others}:
            raise _parts_refused(folder, [part])
    return None


def _only_way(tops: Sequence[Top]) -> Path | None:
    """The folder below the only one, if there are several folders of images or parts in it."""
    if len(tops) != 1 or not tops[0].nests:
        return None
    inner = tops[0].inner
    if len(inner) == 1 and not role_of(inner[0].name):
        return _only_way([Top(inner[0], None)])
    return inner[0].parent


def _refuse_same_folders(folder: Path, tops: Sequence[Top]) -> None:
    """Refuse folders that all hold the same folders: which of the two are the classes?"""
    if len(tops) < 2 or not all(top.inner and top.direct <= len(top.inner) for top in tops):
        return
    held = Counter(name for top in tops for name in {inner.name.casefold() for inner in top.inner})
    if len(held) < 2 or min(held.values()) < max(2, len(tops) / 2):
        return
    inner = sorted({inner.name for top in tops for inner in top.inner})
    roles = roles_of(inner)
    if all(role in (Role.NUMBERED, Role.PATIENT) for role in roles):
        return  # patients or parts of each class
    seen = f"{folder}: its folders {_names(tops)} all hold the same folders, {_listed(inner)}"
    if any(role in (Role.TRAINING, Role.HELD_OUT) for role in roles):
        raise DataError(
            f"{seen}, some of which are parts of a split.",
            hint=f"Lay the training images out as FOLDER/CLASS/IMAGE, or {_CSV}.",
        )
    raise DataError(
        f"{seen}: it cannot be told which of the two are the classes.",
        hint=f"If {_listed(inner)} are the classes, give one of the folders, such as --data "
        f"{tops[0].path}. In any other case, {_CSV}.",
    )


# What folders are by their names: one of them, and several.
_KINDS = {
    frozenset((Role.NUMBERED,)): ("a numbered part", "numbered parts"),
    frozenset((Role.PATIENT,)): ("a numbered patient or case", "numbered patients or cases"),
}


def _parts_refused(folder: Path, parts: Sequence[Top]) -> DataError:
    one, several = _KINDS.get(
        frozenset(top.role for top in parts if top.role), ("a part of a split", "parts of a split")
    )
    what = f"is {one}, not a class" if len(parts) == 1 else f"are {several}, not classes"
    seen = f"{folder}: by name, {_names(parts)} {what}"
    parts = sorted(parts, key=lambda top: top.role is not Role.TRAINING)
    nesting = [top for top in parts if top.inner]
    if nesting:
        inner = _listed(sorted({inner.name for top in nesting for inner in top.inner}))
        return DataError(
            f"{seen}; in {_names(nesting)}, there are folders of images called {inner}.",
            hint=f"Give the one to rank on, such as --data {nesting[0].path}, or {_CSV}, for the "
            "images of several.",
        )
    tables = sorted(entry.name for entry in folder.iterdir() if entry.suffix.lower() == ".csv")
    beside = f" {_listed(tables)} lies beside." if tables else ""
    return DataError(
        f"{seen}; the images in {_names(parts)} have no class folders.{beside}",
        hint=f"Make class folders, or {_CSV}, such as {parts[0].path.name}/NAME.jpg,CLASS.",
    )


def _unclear(folder: Path, train: Top, others: Sequence[Top]) -> DataError:
    inner = _listed(sorted(inner.name for inner in train.inner))
    return DataError(
        f"{folder}: {train.path.name}/ may be the training part, with the classes {inner}, or a "
        f"class beside {_names(others)}.",
        hint=f"Give --data {train.path} if it is the training part; if it is a class, {_CSV}.",
    )


def _taken_as_classes(tops: Sequence[Top]) -> list[str]:
    """Say what might be meant otherwise: a class called test, and folders inside classes."""
    said = []
    parts = [top for top in tops if top.role in (Role.TRAINING, Role.HELD_OUT)]
    if parts and len(parts) < len(tops):
        said.append(
            f"{_names(parts)} is taken as a class, as the folders beside it are: if it is a part "
            "of a split, move it elsewhere."
        )
    nested = [top for top in tops if top.nests and len(top.inner) > 1]
    if nested:
        top = nested[0]
        inner = _listed([inner.name for inner in top.inner])
        more = f", and so on in {len(nested) - 1} more" if len(nested) > 1 else ""
        said.append(
            f"The folders in {top.path.name}/ ({inner}) count as the class {top.path.name!r}{more}."
        )
    return said


def _names(tops: Sequence[Top]) -> str:
    return _listed([f"{top.path.name}/" for top in tops])


def _listed(names: Sequence[str], limit: int = 6) -> str:
    """Names in one line, and how many there are beyond the limit."""
    shown = list(names[:limit])
    if len(names) > limit:
        return f"{', '.join(shown)} and {len(names) - limit} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]])) if shown else ""
