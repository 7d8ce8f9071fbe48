"""What a target dataset is: class names, and labelled images that are opened only when needed."""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from acrank.common.regular import open_regular
from acrank.errors import DataError

# Of an image file: as many as the largest image that is decoded has uncompressed.
MOST_BYTES = 1_000_000_000


class Source(Protocol):
    """Where one image's bytes come from; ``str()`` of it names the image in messages."""

    def open(self) -> BinaryIO:
        """Open the undecoded image for reading."""
        ...


@dataclass(frozen=True)
class PathSource:
    """An image in a file."""

    path: Path

    def open(self) -> BinaryIO:
        """Open the file.

        Raises:
            OSError: it cannot be opened, is no regular file, or larger than any image here.
        """
        return open_regular(self.path, MOST_BYTES)

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True)
class BytesSource:
    """An image in memory."""

    name: str
    data: bytes = field(repr=False)

    def open(self) -> BinaryIO:
        """Wrap the bytes as a file."""
        return io.BytesIO(self.data)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Item:
    """One labelled image, not decoded.

    Attributes:
        key: a stable id: the path relative to the class folders or to the CSV, ``hfds:INDEX``
            or ``digits:INDEX``.
        label: the index of its class in ``Target.classes``.
        source: where its bytes are.
    """

    key: str
    label: int
    source: Source = field(repr=False, compare=False)

    def read(self) -> bytes:
        """Return the raw, still encoded bytes."""
        with self.source.open() as file:
            return file.read()


@dataclass(frozen=True)
class Target:
    """A classification dataset.

    Attributes:
        name: what the user gave.
        classes: the class names; every one has at least one image.
        items: the images.
    """

    name: str
    classes: tuple[str, ...]
    items: tuple[Item, ...]


def natural_key(text: str) -> tuple[list[str | int], str]:
    """Sort key that puts ``class2`` before ``class10``, whatever the locale."""
    parts = re.split(r"([0-9]+)", text.casefold())
    # Odd places hold digits, so strings and numbers never meet in a comparison; the text itself
    # settles names that differ only in case or in leading zeros.
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], text


def visible_entries(folder: Path) -> list[Path]:
    """Files and folders of a folder in their natural order, without hidden ones."""
    visible = (entry for entry in folder.iterdir() if not entry.name.startswith("."))
    return sorted(visible, key=lambda entry: natural_key(entry.name))


def assemble(name: str, rows: Iterable[tuple[str, str, Source]]) -> Target:
    """Build a target from (key, class name, source) rows, in an order that depends on them only.

    Raises:
        DataError: fewer than two classes have images.
    """
    ordered = sorted(rows, key=lambda row: natural_key(row[0]))
    classes = tuple(sorted({row[1] for row in ordered}, key=natural_key))
    require_two_classes(name, classes)
    index = {label: place for place, label in enumerate(classes)}
    items = tuple(Item(key, index[label], source) for key, label, source in ordered)
    return Target(name, classes, items)


def require_two_classes(name: str, classes: tuple[str, ...]) -> None:
    """Refuse data that cannot tell two classes apart."""
    if len(classes) > 1:
        return
    found = f"only one class, {classes[0]!r}" if classes else "no class with images"
    raise DataError(
        f"{name}: {found}.",
        hint="Ranking needs images of at least two classes: one folder, or one label, per class.",
    )
