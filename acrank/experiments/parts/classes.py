"""Split images with one class each into parts or folds, listed in CSV files."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from acrank.data import Item, Target, open_target
from acrank.data.draw import drawn_items
from acrank.data.groups import Parting, refuse_shared, require_groups, whole_groups
from acrank.data.imagefile import open_image
from acrank.data.summary import in_words
from acrank.data.target import groups_of
from acrank.errors import DataError
from acrank.experiments.parts.base import Dataset, Parts, PartSettings, Wanted
from acrank.experiments.parts.dealing import Deck
from acrank.experiments.parts.stratified import drawn
from acrank.utils.files import make_folder, write_whole
from acrank.utils.serialise import csv_text


class ClassParts(Parts):
    """Splits images with one class each, stratified by class."""

    def prepare(self, wanted: Wanted) -> tuple[Dataset, list[str]]:
        """Write ``train.csv`` and ``test.csv``."""
        settings = wanted.settings
        target = _opened(wanted.data, settings)
        training, test, told = _parts(target, wanted.given, settings)
        if settings.samples is not None:
            training = drawn(training, target.classes, settings.samples)
        found = _listed(wanted, target, (training, test), wanted.folder / "images")
        counts = Counter(item.label for item in training)
        sizes = [counts[label] for label in range(len(target.classes))]
        numbers = wanted.numbers(found.images)
        read = in_words(target.classes, sizes, len(target.classes), numbers)
        return found, [read, *target.warnings, *told]

    def folds(self, wanted: Wanted, count: int, seed: int) -> tuple[list[Dataset], list[str]]:
        """Write ``train.csv`` and ``test.csv`` of each fold.

        The drawn images are those of :func:`acrank.data.draw.drawn_items`, by which a fine-tuning
        draws its own; classes of which none is drawn are left out, as there.
        """
        target = _opened(wanted.data, wanted.settings)
        items = drawn_items(target, wanted.settings.samples, seed)
        told = _told_groups(target, items, wanted.settings.group_column)
        deck, found = _deck(target, items), []
        for number, tested in enumerate(deck.folds(count, seed), start=1):
            training = [item for item in items if item.key not in tested]
            test = [item for item in items if item.key in tested]
            images = wanted.folder / "images"
            fold = wanted.fold(number)
            found.append(_listed(fold, target, (training, test), images, beside=True))
        return found, [wanted.dealt(found), *told, *deck.notices(count), *target.warnings]


PARTS = ClassParts()


def _opened(data: str, settings: PartSettings) -> Target:
    return open_target(
        data,
        offline=settings.offline,
        window=settings.window,
        group_column=settings.group_column,
    )


def _told_groups(target: Target, items: Sequence[Item], column: str | None) -> list[str]:
    """Say how many groups there are; refuse a single one."""
    keys = [item.key for item in items]
    return [require_groups(target.name, column, groups_of(items), keys)] if column else []


def _deck(target: Target, items: Sequence[Item]) -> Deck:
    """Return the items as they are dealt into folds, with the classes that they are of."""
    labels = [item.label for item in items]
    present = sorted(set(labels))
    held = np.array(labels)[:, None] == np.array(present)
    classes = [target.classes[label] for label in present]
    keys = [item.key for item in items]
    return Deck(target.name, keys, labels, classes, held, groups_of(items))


def _listed(
    wanted: Wanted,
    target: Target,
    parts: tuple[Sequence[Item], Sequence[Item]],
    images: Path,
    *,
    beside: bool = False,
) -> Dataset:
    """Write the lists of the training and the test items.

    Args:
        wanted: dataset, in whose folder they are written.
        target: dataset that the items are of.
        parts: training items and test items.
        images: folder for images that have no file of their own.
        beside: list such images relative to the lists. Paths are the ids of images, by which
            validation images are drawn: they must not depend on where the folder is.
    """
    make_folder(wanted.folder)
    files = wanted.folder / "train.csv", wanted.folder / "test.csv"
    for file, items in zip(files, parts, strict=True):
        column = wanted.settings.group_column
        rows = [
            {**_row(item, target, column), "path": _path(item, images, file if beside else None)}
            for item in items
        ]
        columns = ("path", "label", column) if column else ("path", "label")
        write_whole(file, csv_text(columns, rows))
    return Dataset(wanted.name, *files, (len(parts[0]), len(parts[1])))


def _parts(
    target: Target, given: str | None, settings: PartSettings
) -> tuple[list[Item], list[Item], tuple[str, ...]]:
    """Choose training and test items; return the notices on the test images too."""
    if given is None:
        told = _told_groups(target, target.items, settings.group_column)
        test = (_kept_groups if settings.group_column else _kept)(target, settings.test_share)
        kept = {item.key for item in test}
        return [item for item in target.items if item.key not in kept], test, tuple(told)
    others = _opened(given, settings)
    unknown = set(others.classes) - set(target.classes)
    if unknown:
        raise DataError(
            f"{given} has the class {min(unknown)!r}, which the training images do not have.",
            hint="Both need the same class folders.",
        )
    places = [target.classes.index(name) for name in others.classes]
    test = [replace(item, label=places[item.label]) for item in others.items]
    if settings.group_column:
        groups = {"--data": target.groups, given: others.groups}
        refuse_shared(settings.group_column, groups)
    return list(target.items), test, tuple(f"{given}: {text}" for text in others.warnings)


def _kept(target: Target, share: float) -> list[Item]:
    """Choose the test items, of every class."""
    count = max(round(share * len(target.items)), len(target.classes))
    return drawn(target.items, target.classes, count)


def _kept_groups(target: Target, share: float) -> list[Item]:
    """Choose the test items in whole groups; every class is left to train on.

    Raises:
        DataError: no group can be spared.
    """
    keys, labels = zip(*((item.key, item.label) for item in target.items), strict=True)
    parting = Parting((1 - share, share), (1,))
    parts = parting.parts(whole_groups(target.groups, keys), labels, 0, "experiment")
    kept = [item for item, part in zip(target.items, parts, strict=True) if part == 1]
    if not kept:
        raise DataError(
            f"{target.name}: no group can be kept for the test: each has all images of some class.",
            hint="Give more groups of each class.",
        )
    return kept


def _row(item: Item, target: Target, column: str | None) -> dict[str, str]:
    group = {column: item.group or ""} if column else {}
    return {"label": target.classes[item.label], **group}


def _path(item: Item, images: Path, table: Path | None) -> str:
    """Return the path of an image; write it to a file if it has none of its own.

    Args:
        item: image.
        images: folder for images without a file.
        table: CSV file that such images are listed in relative to; None for absolute paths.
    """
    if item.source.file is not None:
        return str(item.source.file.resolve())
    file = _written(item, images)
    if table is None:
        return str(file.resolve())
    return Path(os.path.relpath(file, table.parent)).as_posix()


def _written(item: Item, folder: Path) -> Path:
    data = item.read()
    with open_image(io.BytesIO(data)) as image:
        suffix = (image.format or "image").lower()
    make_folder(folder)
    file = folder / f"{item.key.replace(':', '-').replace('/', '-')}.{suffix}"
    if not file.is_file() or file.read_bytes() != data:
        file.write_bytes(data)
    return file
