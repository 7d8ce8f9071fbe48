"""List the folders right in a folder that hold images, and name them in messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from acrank.data.folders.part_names import Role, roles_of, says_nothing
from acrank.data.folders.walk import folders_in, holds_images, images_in

# Folders are searched to this depth, so that a link or a strange tree cannot hold the run up.
DEEPEST = 8


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
        """The number of images that lie right in it."""
        return len(images_in(self.path))

    @property
    def nests(self) -> bool:
        """Tell whether it holds folders of images, and no image itself."""
        return bool(self.inner) and not self.direct


def _inner(folder: Path, depth: int = DEEPEST) -> list[Path]:
    found = [entry for entry in folders_in(folder) if holds_images(entry)]
    if len(found) == 1 and says_nothing(found[0].name):
        return [] if images_in(folder) or not depth else _inner(found[0], depth - 1)
    return found


def tops_in(folder: Path) -> list[Top]:
    """The folders in a folder that hold images, with what they are for by their names."""
    entries = [entry for entry in folders_in(folder) if holds_images(entry)]
    roles = roles_of([entry.name for entry in entries])
    return [Top(entry, role) for entry, role in zip(entries, roles, strict=True)]


def names_of(tops: Sequence[Top]) -> str:
    """The names of folders in one line."""
    return listed([f"{top.path.name}/" for top in tops])


def listed(names: Sequence[str], limit: int = 6) -> str:
    """Names in one line, and how many there are beyond the limit."""
    shown = list(names[:limit])
    if len(names) > limit:
        return f"{', '.join(shown)} and {len(names) - limit} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]])) if shown else ""
