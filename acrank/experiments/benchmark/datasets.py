"""Training and test images of each dataset of an experiment, in files that stay the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acrank.data import Item, Target, known_task, open_target
from acrank.data.folders.roots import training_and_held_out
from acrank.data.folders.walk import folders_in
from acrank.data.summary import in_words
from acrank.data.volumes import VolumeSettings, is_volumes
from acrank.errors import ConfigError, DataError
from acrank.experiments.benchmark.config import BenchmarkConfig
from acrank.experiments.benchmark.masks import link_masks
from acrank.experiments.benchmark.stratified import drawn
from acrank.experiments.benchmark.volumes import link_volumes
from acrank.finetuning.catalogue import SEGMENTATION
from acrank.tasks.registry import TASKS, Task
from acrank.utils.files import make_folder, write_whole
from acrank.utils.paths import user_path
from acrank.utils.serialise import csv_text

Said = Callable[[str], None]


@dataclass(frozen=True)
class Dataset:
    """One dataset of an experiment.

    Attributes:
        name: in tables.
        train: CSV of the training images; with masks or labels, a folder of links to both.
        test: likewise of the test images.
        images: numbers of training and test images.
        volumes: how their patches are cut, where they are volumes.
    """

    name: str
    train: Path
    test: Path
    images: tuple[int, int]
    volumes: VolumeSettings | None = None

    def geometry(self, further: Mapping[str, Any]) -> dict[str, Any]:
        """Patch and spacing, the same for fine-tuning as for scoring; none of images.

        Args:
            further: settings of one of the two; if it has its own geometry, it settles the rest.
        """
        if self.volumes is None or further.keys() & {"patch", "spacing"}:
            return {}
        return {"patch": self.volumes.patch, "spacing": self.volumes.spacing}


def common_task(config: BenchmarkConfig) -> Task:
    """The task of all datasets of an experiment.

    Raises:
        ConfigError: they are not for the same task, or not of the same kind of data.
    """
    found = {known_task(data, config.task): data for data in config.data}
    tasks = [(TASKS[key], data) for key, data in found.items()]
    names = {task.name: data for task, data in tasks}
    if len(names) > 1:
        told = " and ".join(f"{data} for {name}" for name, data in sorted(names.items()))
        raise ConfigError(
            f"An experiment is for one task: {told} do not go together.",
            hint="Run one experiment for each.",
        )
    if len(tasks) > 1:
        kinds = sorted((task.things, data) for task, data in tasks)
        raise ConfigError(
            f"An experiment is on {' or on '.join(things for things, _ in kinds)}: "
            + " and ".join(f"{data} has {things}" for things, data in kinds)
            + ".",
            hint="Run one experiment for each; their networks differ too.",
        )
    return tasks[0][0]


def prepare_datasets(
    config: BenchmarkConfig, output: Path, say: Said | None = None
) -> list[Dataset]:
    """Open the datasets and write which images train and which test.

    Args:
        config: of the experiment.
        output: its folder.
        say: is told what was read.

    Raises:
        ConfigError: two datasets have one name.
        DataError: a dataset cannot be used.
    """
    names = [Path(data).stem if data.endswith(".csv") else Path(data).name for data in config.data]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"Two datasets are called {name!r}.", hint="Rename a folder.")
    return [
        _prepare(name, data, config, output / "data" / name, say or (lambda text: None))
        for name, data in zip(names, config.data, strict=True)
    ]


def _prepare(name: str, data: str, config: BenchmarkConfig, folder: Path, say: Said) -> Dataset:
    given = _test_folder(data)
    if config.task == SEGMENTATION:
        wanted = (data, given, folder, config.test_share, config.samples)
        told: tuple[str, ...] = ()
        if is_volumes(data):
            settings = VolumeSettings(config.patch, config.spacing, config.window)
            found = Dataset(name, *link_volumes(*wanted, settings))
        else:
            train, tested, images, told = link_masks(*wanted)
            found = Dataset(name, train, tested, images)
        for text in (_numbers(found.images, given), *told):
            say(f"{name}: {text}")
        return found
    target = open_target(data, offline=config.offline)
    training, test, told = _parts(target, given, config)
    if config.samples is not None:
        training = drawn(training, target.classes, config.samples)
    make_folder(folder)
    files = folder / "train.csv", folder / "test.csv"
    for file, items in zip(files, (training, test), strict=True):
        write_whole(file, csv_text(("path", "label"), (_row(i, target) for i in items)))
    found = Dataset(name, *files, (len(training), len(test)))
    for text in (_summary(target, training, found, given), *target.warnings, *told):
        say(f"{name}: {text}")
    return found


def _summary(target: Target, training: Sequence[Item], found: Dataset, given: Path | None) -> str:
    counts = Counter(item.label for item in training)
    sizes = [counts[label] for label in range(len(target.classes))]
    return in_words(target.classes, sizes, len(target.classes), _numbers(found.images, given))


def _numbers(images: tuple[int, int], given: Path | None) -> str:
    whence = "kept back of the same folder" if given is None else f"of {given}"
    return f"{images[0]} to train on, and to test on {images[1]} {whence}"


def _test_folder(data: str) -> Path | None:
    """The folder of test images, beside the one of training images."""
    place = user_path(data)
    try:
        training, held_out = training_and_held_out(place)
        laid_out = [part for part in held_out if folders_in(part)]
    except OSError:  # no folder, or not to be listed, as opening it will say
        return None
    return laid_out[0] if training and laid_out else None


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
