"""Training and test images of each dataset of an experiment, in files that stay the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from acrank.common.files import write_whole
from acrank.data import Item, Target, known_task, open_target
from acrank.data.target import PathSource
from acrank.data.volumes import is_volumes
from acrank.errors import ConfigError, DataError
from acrank.finetuning.catalogue import SEGMENTATION
from acrank.report.cells import csv_text
from acrank.transfer.config import TransferConfig
from acrank.transfer.masks import link_masks
from acrank.transfer.stratified import drawn

TEST_FOLDERS = ("test", "val")


@dataclass(frozen=True)
class Dataset:
    """One dataset of an experiment.

    Attributes:
        name: in tables.
        train: CSV of the training images; with masks, a folder of links to both.
        test: likewise of the test images.
        images: numbers of training and test images.
    """

    name: str
    train: Path
    test: Path
    images: tuple[int, int]


def common_task(config: TransferConfig) -> str:
    """What all datasets of an experiment are for: ``classification`` or ``segmentation``.

    Raises:
        ConfigError: they are not for the same.
        DataError: one is of volumes.
    """
    tasks = {known_task(data, config.task): data for data in config.data}
    if len(tasks) > 1:
        told = " and ".join(f"{data} for {task}" for task, data in sorted(tasks.items()))
        raise ConfigError(
            f"An experiment is for one task: {told} do not go together.",
            hint="Run one experiment for each.",
        )
    volumes = [data for data in config.data if is_volumes(data)]
    if volumes:
        raise DataError(
            f"{volumes[0]}: volumes, and experiments are of images alone so far.",
            hint="acrank score ranks backbones on volumes.",
        )
    return next(iter(tasks))


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
    if config.task == SEGMENTATION:
        given = _test_folder(data)
        return Dataset(name, *link_masks(data, given, folder, config.test_share, config.samples))
    target = open_target(data, offline=config.offline)
    training, test = _parts(target, data, config)
    if config.samples is not None:
        training = drawn(training, target.classes, config.samples)
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "train.csv", folder / "test.csv"
    for file, items in zip(files, (training, test), strict=True):
        write_whole(file, csv_text(("path", "label"), (_row(i, target) for i in items)))
    return Dataset(name, *files, (len(training), len(test)))


def _test_folder(data: str) -> Path | None:
    """The folder of test images, beside the one of training images."""
    place = Path(data).expanduser()
    beside = (place / name for name in TEST_FOLDERS)
    return next((f for f in beside if (place / "train").is_dir() and f.is_dir()), None)


def _parts(target: Target, data: str, config: TransferConfig) -> tuple[list[Item], list[Item]]:
    """Training and test items."""
    given = _test_folder(data)
    if given is None:
        count = max(round(config.test_share * len(target.items)), len(target.classes))
        test = drawn(target.items, target.classes, count)
        kept = {item.key for item in test}
        return [item for item in target.items if item.key not in kept], test
    others = open_target(str(given), offline=config.offline)
    unknown = set(others.classes) - set(target.classes)
    if unknown:
        raise DataError(
            f"{given} has the class {min(unknown)!r}, which the training images have not.",
            hint="Both need the same class folders.",
        )
    places = [target.classes.index(name) for name in others.classes]
    return list(target.items), [Item(i.key, places[i.label], i.source) for i in others.items]


def _row(item: Item, target: Target) -> dict[str, str]:
    if not isinstance(item.source, PathSource):
        raise DataError(
            f"{target.name}: its images are not files.",
            hint="Give a folder of class folders or a CSV file.",
        )
    return {"path": str(item.source.path.resolve()), "label": target.classes[item.label]}
