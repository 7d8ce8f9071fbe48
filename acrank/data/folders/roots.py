"""Find the folder of the class folders: the one given, its training part, or the only one in it.

A part of a split, a fold or a patient is no class, and ranking for such "classes" would look like
a result. Where the class folders cannot be told, nothing is guessed: the refusal says what was
seen and what to give instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from acrank.data.folders.part_names import Role, role_of, roles_of, split_by_class
from acrank.data.folders.passed_over import beside_notice
from acrank.data.folders.refusals import both_at_once, parts_refused, same_folders, unclear
from acrank.data.folders.tops import DEEPEST, Top, listed, names_of, tops_in
from acrank.data.folders.walk import folders_in


class Root(NamedTuple):
    """The folder that holds the class folders, with notes on how it was found."""

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
    for _ in range(DEEPEST):
        tops = tops_in(folder)
        inside = _training_part(folder, tops) or _only_way(tops)
        if inside is None:
            _refuse_same_folders(folder, tops)
            return Root(folder, (*notices, *_taken_as_classes(tops)))
        others = [top for top in tops if top.path != inside and top.path not in inside.parents]
        notices += beside_notice(folder)
        if others:
            notices.append(
                f"{inside} is read as the training part, without {names_of(others)} beside it."
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
    for _ in range(DEEPEST):
        if len(entries) != 1 or role_of(entries[0].name):
            break
        entries = folders_in(entries[0])
    roles = roles_of([entry.name for entry in entries])
    parts = list(zip(entries, roles, strict=True))
    training = [entry for entry, role in parts if role is Role.TRAINING]
    held_out = [entry for entry, role in parts if role is Role.HELD_OUT]
    held_out.sort(key=lambda entry: "test" not in entry.name.casefold())
    return (training[0] if len(training) == 1 else None), held_out


def test_folder(folder: Path) -> Path | None:
    """The folder of test images beside that of training images, or else that of validation images.

    Args:
        folder: as given; may be none.
    """
    try:
        training, held_out = training_and_held_out(folder)
        laid_out = [part for part in held_out if folders_in(part)]
    except OSError:  # no folder, or not to be listed, as opening it will say
        return None
    return laid_out[0] if training and laid_out else None


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
        raise unclear(folder, train, others)
    if len(tops) == 1 and tops[0].role in (Role.NUMBERED, Role.PATIENT):
        return None
    if tops and all(top.role for top in tops):
        raise parts_refused(folder, tops)
    if (training and held_out) or len(held_out) > 1:
        raise parts_refused(folder, [top for top in tops if top.role])
    if split_by_class([top.path.name for top in tops]):
        raise both_at_once(folder, tops)
    if held_out and len(others) == 1 and others[0].nests:
        raise unclear(folder, others[0], held_out)
    for part in held_out:
        names = {inner.name.casefold() for inner in part.inner}
        if names & {top.path.name.casefold() for top in others}:
            raise parts_refused(folder, [part])
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
    raise same_folders(folder, tops, inner)


def _taken_as_classes(tops: Sequence[Top]) -> list[str]:
    """Say what might be meant otherwise: a class called test, and folders inside classes."""
    said = []
    parts = [top for top in tops if top.role in (Role.TRAINING, Role.HELD_OUT)]
    if parts and len(parts) < len(tops):
        said.append(
            f"{names_of(parts)} is taken as a class, as the folders beside it are: if it is a part "
            "of a split, move it elsewhere."
        )
    nested = [top for top in tops if top.nests and len(top.inner) > 1]
    if nested:
        top = nested[0]
        inner = listed([inner.name for inner in top.inner])
        more = f", and so on in {len(nested) - 1} more" if len(nested) > 1 else ""
        said.append(
            f"The folders in {top.path.name}/ ({inner}) count as the class {top.path.name!r}{more}."
        )
    return said
