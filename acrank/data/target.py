"""Define a classification dataset: class names, and labelled images that are opened when needed."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from acrank.data.base import AnySample, Drawing
from acrank.data.images import ImageSource
from acrank.data.labelnames import composed, label_notices, refuse_numbers
from acrank.errors import DataError


@dataclass(frozen=True)
class Item:
    """One labelled image, not decoded.

    Attributes:
        key: a stable id: the path relative to the class folders or to the CSV, ``hfds:INDEX``
            or ``digits:INDEX``.
        label: the index of its class in ``Target.classes``.
        source: where its bytes are.
        group: what it has in common with other images, such as its patient, where a table says
            so; None for nothing.
    """

    key: str
    label: int
    source: ImageSource = field(repr=False, compare=False)
    group: str | None = None

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
        warnings: plain sentences for the user.
    """

    task: ClassVar[str] = "classification"

    name: str
    classes: tuple[str, ...]
    items: tuple[Item, ...]
    warnings: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[str | None, ...]:
        """The group of each image; empty where no image has one."""
        return groups_of(self.items)

    @property
    def windowed(self) -> bool:
        """Tell whether images have units, so that the window of the user applies."""
        return any(item.source.windowed for item in self.items)

    def draw(self, drawing: Drawing) -> AnySample:
        """See :func:`acrank.data.draw.draw_sample`."""
        from acrank.data.draw import draw_sample  # it draws from targets

        return draw_sample(self, drawing.samples, drawing.batch_size, drawing.seed)

    def smaller(self, whole: AnySample, drawing: Drawing) -> AnySample:
        """See :func:`acrank.data.draw.smaller_sample`."""
        from acrank.data.draw import smaller_sample

        return smaller_sample(whole, self, drawing.samples, drawing.batch_size, drawing.seed)


def groups_of(items: Sequence[Item]) -> tuple[str | None, ...]:
    """Return the group of each image; nothing where no image has one.

    Args:
        items: of a dataset, or some of them.
    """
    grouped = any(item.group is not None for item in items)
    return tuple(item.group for item in items) if grouped else ()


def natural_key(text: str) -> tuple[list[str | int], str]:
    """Sort key that puts ``class2`` before ``class10``, whatever the locale."""
    parts = re.split(r"([0-9]+)", text.casefold())
    # Odd places hold digits, so strings and numbers never meet in a comparison; the text itself
    # settles names that differ only in case or in leading zeros.
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], text


# What systems leave in folders, not hidden: thumbnails, and the other half of files of macOS.
_LEFT_BEHIND = frozenset(
    (
        *("__macosx", "@eadir", "#recycle", "$recycle.bin", "lost+found"),
        *("system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini"),
    )
)


def visible_entries(folder: Path) -> list[Path]:
    """Files and folders in their natural order, without hidden ones and what systems leave."""
    visible = (entry for entry in folder.iterdir() if not is_hidden(entry.name))
    return sorted(visible, key=lambda entry: natural_key(entry.name))


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder is skipped silently, by its name."""
    return name.startswith(".") or name.casefold() in _LEFT_BEHIND


def assemble(
    name: str,
    rows: Iterable[tuple[str, str, ImageSource]],
    notices: Sequence[str] = (),
    groups: Sequence[str | None] | None = None,
) -> Target:
    """Build a target from (key, class name, source) rows, in an order that depends on them only.

    Class names and keys are brought to one Unicode form, whatever system wrote them.

    Args:
        name: what the user gave.
        rows: of the images.
        notices: what is to be said of the data already.
        groups: the group of each row's image; None where no image has one.

    Raises:
        DataError: fewer than two classes have images, or the labels are no classes.
    """
    given = list(rows)
    keys = _unique([key for key, _, _ in given])
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if twice:
        raise DataError(
            f"{name}: several images are called {twice[0]!r}.",
            hint="Give each image a key of its own.",
        )
    ordered = sorted(
        (
            (key, composed(label), source, group)
            for key, (_, label, source), group in zip(
                keys, given, groups or [None] * len(given), strict=True
            )
        ),
        key=lambda row: natural_key(row[0]),
    )
    counts = Counter(label for _, label, _, _ in ordered)
    classes = tuple(sorted(counts, key=natural_key))
    require_two_classes(name, classes)
    sizes = {label: counts[label] for label in classes}
    refuse_numbers(name, sizes)
    index = {label: place for place, label in enumerate(classes)}
    items = tuple(Item(key, index[label], source, group) for key, label, source, group in ordered)
    return Target(name, classes, items, (*notices, *label_notices(sizes)))


def _unique(keys: Sequence[str]) -> list[str]:
    """Keys in one Unicode form; as they are where two files differ in the form alone."""
    wanted = [composed(key) for key in keys]
    met = Counter(wanted)
    return [key if met[same] > 1 else same for key, same in zip(keys, wanted, strict=True)]


def require_two_classes(name: str, classes: tuple[str, ...]) -> None:
    """Refuse data that cannot tell two classes apart."""
    if len(classes) > 1:
        return
    found = f"only one class, {classes[0]!r}" if classes else "no class with images"
    raise DataError(
        f"{name}: {found}.",
        hint="Ranking needs images of at least two classes: one folder, or one label, per class.",
    )
