"""Datasets as a folder with one folder per class."""

import os
from collections.abc import Iterator
from pathlib import Path

from acrank.data.checks import listing
from acrank.data.imagefile import EXTENSIONS
from acrank.data.target import PathSource, Target, assemble, visible_entries
from acrank.errors import DataError

_LAYOUT = "Lay the images out as FOLDER/CLASS/IMAGE (or FOLDER/train/CLASS/IMAGE), or give a CSV."


def open_folder(folder: Path) -> Target:
    """Read ``DIR/CLASS/**``, or ``DIR/train/CLASS/**`` where ``train`` holds the class folders.

    Hidden files and folders are passed over, and so are images beside the class folders: they
    have no label. Symbolic links are followed.

    Raises:
        DataError: there are no images, an empty class folder, or a single class.
    """
    try:
        root = _class_root(folder)
        found = {entry: list(_walk(entry)) for entry in _folders(root)}
        _require_images(root, found)
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be listed: {error}.", hint="Check the folder's permissions."
        ) from error
    rows = [
        (path.relative_to(root).as_posix(), entry.name, PathSource(path))
        for entry, paths in found.items()
        for path in paths
    ]
    return assemble(str(folder), rows)


def _class_root(folder: Path) -> Path:
    """Choose between the folder and its ``train``: images right in ``train`` make it a class."""
    train = folder / "train"
    if train.is_dir() and _folders(train) and not _images(train):
        return train
    return folder


def _folders(folder: Path) -> list[Path]:
    return [entry for entry in visible_entries(folder) if entry.is_dir()]


def _images(folder: Path) -> list[Path]:
    # Not is_file(): a broken link is an image that the check has to name, not one to pass over.
    return [entry for entry in visible_entries(folder) if _is_image(entry)]


def _is_image(entry: Path) -> bool:
    return entry.suffix.lower() in EXTENSIONS and not entry.is_dir()


def _walk(class_folder: Path) -> Iterator[Path]:
    """Yield the images at any depth; each folder once, however many links lead to it.

    A dozen folders that link to one another have half a billion paths.
    """
    met: set[str] = set()
    waiting = [class_folder]
    while waiting:
        folder = waiting.pop()
        real = os.path.realpath(folder)
        if real in met:
            continue
        met.add(real)
        for entry in visible_entries(folder):
            if entry.is_dir():
                waiting.append(entry)
            elif _is_image(entry):
                yield entry


def _require_images(root: Path, found: dict[Path, list[Path]]) -> None:
    if not any(found.values()):
        raise DataError(_nothing_found(root, list(found)), hint=_LAYOUT)
    empty = [str(entry) for entry, paths in found.items() if not paths]
    if empty:
        raise DataError(
            f"{root}: {len(empty)} class folder(s) without images:{listing(empty, limit=None)}",
            hint="Add images to them or remove them.",
        )


def _nothing_found(root: Path, folders: list[Path]) -> str:
    sought = " ".join(extension.removeprefix(".") for extension in EXTENSIONS)
    direct = len(_images(root))
    if direct:
        return f"{root}: {direct} image(s) directly in it, none in class folders, so no labels."
    looked = f"in its {len(folders)} folder(s)" if folders else "and it has no folders"
    return f"{root}: no images found {looked} (looked for: {sought})."
