"""The training and test images of a dataset, in files that stay the same: what a task brings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acrank.experiments.benchmark.config import BenchmarkConfig
from acrank.tasks.registry import Task, loaded


@dataclass(frozen=True)
class Dataset:
    """One dataset of an experiment.

    Attributes:
        name: in tables.
        train: CSV of the training images; with masks or labels, a folder of links to both.
        test: likewise of the test images.
        images: numbers of training and test images.
        settled: settings that the training data decide, the same for fine-tuning as for scoring.
    """

    name: str
    train: Path
    test: Path
    images: tuple[int, int]
    settled: dict[str, Any] = field(default_factory=dict)

    def settings(self, further: Mapping[str, Any]) -> dict[str, Any]:
        """Settings that the training data decide.

        Args:
            further: settings of fine-tuning or of scoring; if some of these are among them, they
                settle the rest.
        """
        return {} if further.keys() & self.settled.keys() else dict(self.settled)


@dataclass(frozen=True)
class Wanted:
    """The data of an experiment that are to be parted.

    Attributes:
        name: of the dataset.
        data: what the user gave.
        given: the test images, as they are given to ``--data``; None to keep some of the training
            images back.
        folder: for the files of both parts.
        config: of the experiment.
    """

    name: str
    data: str
    given: str | None
    folder: Path
    config: BenchmarkConfig

    def numbers(self, images: tuple[int, int]) -> str:
        """Say how many images train and test."""
        whence = "kept back of the same data" if self.given is None else f"of {self.given}"
        return f"{images[0]} to train on, and to test on {images[1]} {whence}"


class Parts(ABC):
    """Parts the datasets of a task into training and test images."""

    @abstractmethod
    def prepare(self, wanted: Wanted) -> tuple[Dataset, list[str]]:
        """Open a dataset and write which images train and which test; say what was read.

        Raises:
            ConfigError: the dataset is in the folder for it.
            DataError: the data cannot be used.
        """


def parts_of(task: Task) -> Parts:
    """What parts the datasets of a task."""
    parts: Parts = loaded(task.parts)
    return parts
