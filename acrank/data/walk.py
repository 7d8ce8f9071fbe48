"""Walking through folders of images."""

import os
from collections.abc import Iterator
from pathlib import Path

from acrank.data.imagefile import EXTENSIONS
from acrank.data.target import visible_entries


def folders_in(folder: Path) -> list[Path]:
    """The folders right in a folder, in natural order."""
    return [entry for entry in visible_entries(folder) if entry.is_dir()]


def images_in(folder: Path) -> list[Path]:
    """The images right in a folder, in natural order."""
    return [entry for entry in visible_entries(folder) if is_image(entry)]


def is_image(entry: Path) -> bool:
    """Whether a file has an image's suffix."""
    # Not is_file(): a broken link is an image that the check has to name, not one to pass over.
    return entry.suffix.lower() in EXTENSIONS and not entry.is_dir()


def holds_images(folder: Path) -> bool:
    """Whether there is an image at any depth."""
    return any(is_image(entry) for entry in files_below(folder))


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
