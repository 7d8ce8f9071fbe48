"""Training and test images of each dataset of an experiment, as CSV files that stay the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acrank.common.files import write_whole
from acrank.data import Item, Target, open_classified
from acrank.data.stratify import Plan, quotas, rank
from acrank.data.target import PathSource
from acrank.errors import ConfigError, DataError
from acrank.report.cells import csv_text
from acrank.transfer.config import TransferConfig

TEST_FOLDERS = ("test", "val")


@dataclass(frozen=True)
class Dataset:
    """One dataset of an experiment.

    Attributes:
        name: in tables.
        train: CSV of the training images.
        test: CSV of the test images.
        images: numbers of training and test images.
    """

    name: str
    train: Path
    test: Path
    images: tuple[int, int]


def prepare_datasets(config: TransferConfig, output: Path) -> list[Dataset]:
    """Open the datasets and write which images train and which test.

    Args:
        config: of the experiment.
        output: its folder.

    Raises:
        ConfigError: two datasets have one name.
        DataError: a dataset cannot be used.
    """
    names = [Path(data).stem if data.endswith(".csv") else Path(data).name for data in config.data]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"Two datasets are called {name!r}.", hint="Rename a folder.")
    return [
        _prepare(name, data, config, output / "data" / name)
        for name, data in zip(names, config.data, strict=True)
    ]


def _prepare(name: str, data: str, config: TransferConfig, folder: Path) -> Dataset:
    target = open_classified(data, offline=config.offline)
    training, test = _parts(target, data, config)
    if config.samples is not None:
        training = _drawn(training, target, config.samples)
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "train.csv", folder / "test.csv"
    for file, items in zip(files, (training, test), strict=True):
        write_whole(file, csv_text(("path", "label"), (_row(i, target) for i in items)))
    return Dataset(name, *files, (len(training), len(test)))


def _parts(target: Target, data: str, config: TransferConfig) -> tuple[list[Item], list[Item]]:
    """Training and test items."""
    beside = [Path(data) / name for name in TEST_FOLDERS]
    given = next((f for f in beside if (Path(data) / "train").is_dir() and f.is_dir()), None)
    if given is None:
        count = max(round(config.test_share * len(target.items)), len(target.classes))
        test = _drawn(target.items, target, count)
        kept = {item.key for item in test}
        return [item for item in target.items if item.key not in kept], test
    others = open_classified(str(given), offline=config.offline)
    unknown = set(others.classes) - set(target.classes)
    if unknown:
        raise DataError(
            f"{given} has the class {min(unknown)!r}, which the training images have not.",
            hint="Both need the same class folders.",
        )
    places = [target.classes.index(name) for name in others.classes]
    return list(target.items), [Item(i.key, places[i.label], i.source) for i in others.items]


def _drawn(items: Sequence[Item], target: Target, count: int) -> list[Item]:
    """So many items, stratified by class, the same ones always."""
    pools: dict[int, list[Item]] = {}
    for item in items:
        pools.setdefault(item.label, []).append(item)
    labels = sorted(pools)
    for label in labels:
        pools[label].sort(key=lambda item: (rank(0, f"experiment\0{item.key}"), item.key))
    ranks = [rank(0, target.classes[label]) for label in labels]
    total = min(count, len(items))
    shares = quotas([len(pools[label]) for label in labels], ranks, Plan(total, 1))
    chosen = {
        item.key
        for label, share in zip(labels, shares, strict=True)
        for item in pools[label][:share]
    }
    return [item for item in items if item.key in chosen]


def _row(item: Item, target: Target) -> dict[str, str]:
    if not isinstance(item.source, PathSource):
        raise DataError(
            f"{target.name}: its images are not files.",
            hint="Give a folder of class folders or a CSV file.",
        )
    return {"path": str(item.source.path.resolve()), "label": target.classes[item.label]}
