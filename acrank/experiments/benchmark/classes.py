"""Split images with one class each into training and test images, listed in CSV files."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

from acrank.data import Item, Target, open_target
from acrank.data.imagefile import open_image
from acrank.data.summary import in_words
from acrank.errors import DataError
from acrank.experiments.benchmark.config import BenchmarkConfig
from acrank.experiments.benchmark.datasets import Dataset, Parts, Wanted
from acrank.experiments.benchmark.stratified import drawn
from acrank.utils.files import make_folder, write_whole
from acrank.utils.serialise import csv_text


class ClassParts(Parts):
    """Splits images with one class each, stratified by class."""

    def prepare(self, wanted: Wanted) -> tuple[Dataset, list[str]]:
        """Write ``train.csv`` and ``test.csv``."""
        config = wanted.config
        target = open_target(wanted.data, offline=config.offline, window=config.window)
        training, test, told = _parts(target, wanted.given, config)
        if config.samples is not None:
            training = drawn(training, target.classes, config.samples)
        make_folder(wanted.folder)
        files = wanted.folder / "train.csv", wanted.folder / "test.csv"
        for file, items in zip(files, (training, test), strict=True):
            rows = [_row(item, target, wanted.folder / "images") for item in items]
            write_whole(file, csv_text(("path", "label"), rows))
        found = Dataset(wanted.name, *files, (len(training), len(test)))
        counts = Counter(item.label for item in training)
        sizes = [counts[label] for label in range(len(target.classes))]
        numbers = wanted.numbers(found.images)
        read = in_words(target.classes, sizes, len(target.classes), numbers)
        return found, [read, *target.warnings, *told]


PARTS = ClassParts()


def _parts(
    target: Target, given: str | None, config: BenchmarkConfig
) -> tuple[list[Item], list[Item], tuple[str, ...]]:
    """Choose training and test items; return the notices on the test images too."""
    if given is None:
        count = max(round(config.test_share * len(target.items)), len(target.classes))
        test = drawn(target.items, target.classes, count)
        kept = {item.key for item in test}
        return [item for item in target.items if item.key not in kept], test, ()
    others = open_target(given, offline=config.offline, window=config.window)
    unknown = set(others.classes) - set(target.classes)
    if unknown:
        raise DataError(
            f"{given} has the class {min(unknown)!r}, which the training images do not have.",
            hint="Both need the same class folders.",
        )
    places = [target.classes.index(name) for name in others.classes]
    test = [Item(i.key, places[i.label], i.source) for i in others.items]
    return list(target.items), test, tuple(f"{given}: {text}" for text in others.warnings)


def _row(item: Item, target: Target, folder: Path) -> dict[str, str]:
    """Return a row of the CSV; write an image to a file if it has none of its own."""
    file = item.source.file or _written(item, folder)
    return {"path": str(file.resolve()), "label": target.classes[item.label]}


def _written(item: Item, folder: Path) -> Path:
    data = item.read()
    with open_image(io.BytesIO(data)) as image:
        suffix = (image.format or "image").lower()
    make_folder(folder)
    file = folder / f"{item.key.replace(':', '-').replace('/', '-')}.{suffix}"
    if not file.is_file() or file.read_bytes() != data:
        file.write_bytes(data)
    return file
