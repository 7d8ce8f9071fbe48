"""Training and test images with one class each, listed in CSV files that stay the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from acrank.data import Item, Target, open_target
from acrank.data.summary import in_words
from acrank.errors import DataError
from acrank.experiments.benchmark.config import BenchmarkConfig
from acrank.experiments.benchmark.parts import Dataset, Parts, Wanted
from acrank.experiments.benchmark.stratified import drawn
from acrank.utils.files import make_folder, write_whole
from acrank.utils.serialise import csv_text


class ClassParts(Parts):
    """Images with one class each, kept apart by class."""

    def prepare(self, wanted: Wanted) -> tuple[Dataset, list[str]]:
        """Write ``train.csv`` and ``test.csv``."""
        config = wanted.config
        target = open_target(wanted.data, offline=config.offline)
        training, test, told = _parts(target, wanted.given, config)
        if config.samples is not None:
            training = drawn(training, target.classes, config.samples)
        make_folder(wanted.folder)
        files = wanted.folder / "train.csv", wanted.folder / "test.csv"
        for file, items in zip(files, (training, test), strict=True):
            write_whole(file, csv_text(("path", "label"), (_row(i, target) for i in items)))
        found = Dataset(wanted.name, *files, (len(training), len(test)))
        counts = Counter(item.label for item in training)
        sizes = [counts[label] for label in range(len(target.classes))]
        numbers = wanted.numbers(found.images)
        read = in_words(target.classes, sizes, len(target.classes), numbers)
        return found, [read, *target.warnings, *told]


PARTS = ClassParts()


def _parts(
    target: Target, given: Path | None, config: BenchmarkConfig
) -> tuple[list[Item], list[Item], tuple[str, ...]]:
    """Training and test items, and what is to be said of the folder of test images."""
    if given is None:
        count = max(round(config.test_share * len(target.items)), len(target.classes))
        test = drawn(target.items, target.classes, count)
        kept = {item.key for item in test}
        return [item for item in target.items if item.key not in kept], test, ()
    others = open_target(str(given), offline=config.offline)
    unknown = set(others.classes) - set(target.classes)
    if unknown:
        raise DataError(
            f"{given} has the class {min(unknown)!r}, which the training images have not.",
            hint="Both need the same class folders.",
        )
    places = [target.classes.index(name) for name in others.classes]
    test = [Item(i.key, places[i.label], i.source) for i in others.items]
    return list(target.items), test, tuple(f"{given}: {text}" for text in others.warnings)


def _row(item: Item, target: Target) -> dict[str, str]:
    if item.source.file is None:
        raise DataError(
            f"{target.name}: its images are not files.",
            hint="Give a folder of class folders or a CSV file.",
        )
    return {"path": str(item.source.file.resolve()), "label": target.classes[item.label]}
