"""Walk through folders of images."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from acrank.data.formats import format_of
from acrank.data.target import is_hidden, natural_key, visible_entries


def folders_in(folder: Path) -> list[Path]:
    """The folders right in a folder, in natural order."""
    return _listed(folder, _is_folder)


def images_in(folder: Path) -> list[Path]:
    """The images right in a folder, in natural order."""
    return _listed(folder, _is_image)


def is_image(entry: Path) -> bool:
    """Tell whether an entry of a folder is a file in an image's format."""
    # Not is_file(): a broken link is an image that the check has to name, not one to pass over.
    return has_image_format(entry) and not entry.is_dir()


def has_image_format(file: Path) -> bool:
    """Tell whether a file is an image, by its suffix, or by its bytes if it has none."""
    return format_of(file) is not None


def holds_images(folder: Path) -> bool:
    """Tell whether there is an image at any depth."""
    with os.scandir(folder) as entries:
        if any(_is_image(entry) for entry in entries if not is_hidden(entry.name)):
            return True
    return any(has_image_format(path) for path in files_below(folder))


def _listed(folder: Path, wanted: Callable[[os.DirEntry[str]], bool]) -> list[Path]:
    """Entries told by the listing alone where it says what they are: none is looked up."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not is_hidden(entry.name) and wanted(entry)]
    return [folder / name for name in sorted(names, key=natural_key)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False


def _is_image(entry: os.DirEntry[str]) -> bool:
    return has_image_format(Path(entry.path)) and not _is_folder(entry)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files at any depth; each folder once, however many links lead to it.

    A dozen folders that link to one another have half a billion paths.
    """
    met: set[str] = set()
    waiting = [folder]
    while waiting:
        folder = waiting.pop()
        real = os.path.realpath(folder)
        if real in met:
            continue
        met.add(real)
        for entry in visible_entries(folder):
            if entry.is_dir():
                waiting.append(entry)
            else:
                yield entry
