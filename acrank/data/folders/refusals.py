"""Refuse folders whose class folders cannot be told: say what was seen, and what to give."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from acrank.data.folders.part_names import Role, roles_of
from acrank.data.folders.tops import Top, listed, names_of
from acrank.data.segmentation.layouts.words import meaning_of
from acrank.errors import DataError

_CSV = "list the images in a CSV file with the columns path,label"
# What folders are by their names: one of them, and several.
_KINDS = {
    frozenset((Role.NUMBERED,)): ("a numbered part", "numbered parts"),
    frozenset((Role.PATIENT,)): ("a numbered patient or case", "numbered patients or cases"),
}


def parts_refused(folder: Path, parts: Sequence[Top]) -> DataError:
    """Folders that are parts by their names, and not to be read as classes."""
    one, several = _KINDS.get(
        frozenset(top.role for top in parts if top.role), ("a part of a split", "parts of a split")
    )
    what = f"is {one}, not a class" if len(parts) == 1 else f"are {several}, not classes"
    seen = f"{folder}: by name, {names_of(parts)} {what}"
    parts = sorted(parts, key=lambda top: top.role is not Role.TRAINING)
    nesting = [top for top in parts if top.inner]
    if nesting:
        inner = listed(sorted({inner.name for top in nesting for inner in top.inner}))
        return DataError(
            f"{seen}; in {names_of(nesting)}, there are folders of images called {inner}.",
            hint=f"Give the one to rank on, such as --data {quote(str(nesting[0].path))}, or "
            f"{_CSV}, for the images of several.",
        )
    return DataError(
        f"{seen}; the images in {names_of(parts)} have no class folders.",
        hint=f"Make class folders, or {_CSV}, such as {parts[0].path.name}/NAME.jpg,CLASS.",
    )


def unclear(folder: Path, nest: Top, beside: Sequence[Top]) -> DataError:
    """A folder that may hold the classes, or be one beside others.

    Args:
        folder: that holds them all.
        nest: the folder with folders of images in it.
        beside: the others.
    """
    inner = listed([inner.name for inner in nest.inner])
    return DataError(
        f"{folder}: {nest.path.name}/ may be the training part, with the classes {inner}, or a "
        f"class beside {names_of(beside)}.",
        hint=f"Give --data {quote(str(nest.path))} if it is the training part; if it is a class, "
        f"{_CSV}.",
    )


def both_at_once(folder: Path, tops: Sequence[Top]) -> DataError:
    """Names that are classes times parts of a split."""
    return DataError(
        f"{folder}: the names of its folders, {names_of(tops)}, say both a class and a part of a "
        "split.",
        hint=f"Move the training images to one folder per class, or {_CSV}.",
    )


def same_folders(folder: Path, tops: Sequence[Top], inner: Sequence[str]) -> DataError:
    """Folders that all hold the same folders: which of the two are the classes?

    Args:
        folder: that holds them.
        tops: they.
        inner: the names of the folders in them.
    """
    roles = roles_of(inner)
    seen = f"{folder}: its folders {names_of(tops)} all hold the same folders, {listed(inner)}"
    if any(role in (Role.TRAINING, Role.HELD_OUT) for role in roles):
        return DataError(
            f"{seen}, and some of these are parts of a split.",
            hint=f"Lay the training images out as FOLDER/CLASS/IMAGE, or {_CSV}.",
        )
    masks = [name for name in inner if (meaning := meaning_of(name)) and meaning.mask]
    if masks and len(masks) < len(inner):
        return DataError(
            f"{seen}: {listed(masks)} may be masks, which are not images to classify.",
            hint=f"Move the masks elsewhere, so that class folders hold images alone, or {_CSV}.",
        )
    return DataError(
        f"{seen}: it is unclear which of the two are the classes.",
        hint=f"If {listed(inner)} are the classes, give one of the folders, such as --data "
        f"{quote(str(tops[0].path))}. Otherwise, {_CSV}.",
    )
