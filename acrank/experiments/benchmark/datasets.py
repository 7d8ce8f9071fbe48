"""Split each dataset of an experiment into training and test images, in files that stay the same.

Each task brings a :class:`Parts`, which does it for its data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acrank.data import blamed, find_source, known_task
from acrank.errors import ConfigError
from acrank.experiments.benchmark.config import BenchmarkConfig
from acrank.tasks.registry import TASKS, Task, loaded

Said = Callable[[str], None]


@dataclass(frozen=True)
class Dataset:
    """One dataset of an experiment, split into training and test images.

    Attributes:
        name: name in tables.
        train: CSV of the training images; with masks or labels, a folder of links to both.
        test: CSV or folder of the test images.
        images: numbers of training and test images.
        settled: settings that the training data decide, the same for fine-tuning and scoring.
    """

    name: str
    train: Path
    test: Path
    images: tuple[int, int]
    settled: dict[str, Any] = field(default_factory=dict)

    def settings(self, further: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings that the training data decide.

        Args:
            further: settings that the user gave; if one of them is decided here, all are theirs.
        """
        return {} if further.keys() & self.settled.keys() else dict(self.settled)


@dataclass(frozen=True)
class Wanted:
    """One dataset that is to be split.

    Attributes:
        name: name of the dataset.
        data: data that the user gave.
        given: test images in the form of ``--data``; None to keep training images back.
        folder: folder for the files of both parts.
        config: configuration of the experiment.
    """

    name: str
    data: str
    given: str | None
    folder: Path
    config: BenchmarkConfig

    def numbers(self, images: tuple[int, int]) -> str:
        """Say how many images train and how many test."""
        whence = "kept back of the same data" if self.given is None else f"of {self.given}"
        return f"{images[0]} to train on, and to test on {images[1]} {whence}"


class Parts(ABC):
    """Splits the datasets of one task into training and test images."""

    @abstractmethod
    def prepare(self, wanted: Wanted) -> tuple[Dataset, list[str]]:
        """Open a dataset and write which images train and which test; say what was read.

        Raises:
            ConfigError: the dataset is in the folder for it.
            DataError: the data cannot be used.
        """


def parts_of(task: Task) -> Parts:
    """Return the splitter of a task."""
    parts: Parts = loaded(task.parts)
    return parts


def common_task(config: BenchmarkConfig) -> Task:
    """Find the task of all datasets of an experiment.

    Raises:
        ConfigError: they are not for the same task, or not of the same kind of data.
    """
    found = {known_task(data, config.task): data for data in config.data}
    tasks = [(TASKS[key], data) for key, data in found.items()]
    names = {task.name: data for task, data in tasks}
    if len(names) > 1:
        told = " and ".join(f"{data} for {name}" for name, data in sorted(names.items()))
        raise ConfigError(
            f"An experiment has one task, but these differ: {told}.",
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
        config: configuration of the experiment.
        output: folder of the experiment.
        say: takes sentences on what was read.

    Raises:
        ConfigError: two datasets have one name.
        DataError: a dataset cannot be used.
    """
    sources = [find_source(data, config.task) for data in config.data]
    names = []
    for source, data in zip(sources, config.data, strict=True):
        with blamed(source):
            names.append(source.title(data))
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"Two datasets are called {name!r}.", hint="Rename a folder.")
    datasets = []
    for source, name, data in zip(sources, names, config.data, strict=True):
        with blamed(source):
            given = source.held_out(data).test
        wanted = Wanted(name, data, given, output / "data" / name, config)
        found, told = parts_of(TASKS[source.task]).prepare(wanted)
        if say:
            for text in told:
                say(f"{name}: {text}")
        datasets.append(found)
    return datasets
