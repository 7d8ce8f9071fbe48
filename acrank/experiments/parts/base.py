"""Split a dataset into training and test images, or into folds, in files that stay the same.

Each task brings a :class:`Parts`, which does it for its data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel

from acrank.tasks.registry import Task, loaded

Said = Callable[[str], None]


@dataclass(frozen=True)
class Dataset:
    """One dataset, split into training and test images.

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
class PartSettings:
    """Settings that decide which images there are, which are used, and how volumes are cut.

    Attributes:
        samples: number of images to use, stratified by class; None for all.
        test_share: share of the images to keep back for the test, in (0, 1).
        window: lowest and highest intensity that count, where images have units.
        patch: voxels per axis of a patch of volumes; None for what suits the training volumes.
        spacing: voxel size in mm; None for the median of the training volumes.
        offline: make no request.
        group_column: column of a table that names groups of images, none of which is split.
    """

    samples: int | None = None
    test_share: float = 0.3
    window: tuple[float, float] | None = None
    patch: tuple[int, int, int] | None = None
    spacing: tuple[float, float, float] | None = None
    offline: bool = False
    group_column: str | None = None

    @classmethod
    def of(cls, config: BaseModel) -> Self:
        """Read them off a configuration; what it has no field for is as usual.

        Args:
            config: configuration of a run that has some of these fields.
        """
        known = [about.name for about in fields(cls) if about.name in type(config).model_fields]
        return cls(**{name: getattr(config, name) for name in known})


@dataclass(frozen=True)
class Wanted:
    """One dataset that is to be split.

    Attributes:
        name: name of the dataset.
        data: data that the user gave.
        given: test images in the form of ``--data``; None to keep training images back. Folds
            leave them alone.
        folder: folder for the files of all parts.
        settings: settings of the splitting.
    """

    name: str
    data: str
    given: str | None
    folder: Path
    settings: PartSettings

    def numbers(self, images: tuple[int, int]) -> str:
        """Say how many images train and how many test."""
        whence = "kept back of the same data" if self.given is None else f"of {self.given}"
        return f"{images[0]} to train on, and to test on {images[1]} {whence}"

    def dealt(self, folds: Sequence[Dataset]) -> str:
        """Say how many images there are and how many of them each fold tests.

        Args:
            folds: folds of this dataset.
        """
        sizes = sorted({fold.images[1] for fold in folds})
        each = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"{sizes[0]}"
        return f"{sum(folds[0].images)} in {len(folds)} folds, of which each tests on {each}"

    def fold(self, number: int) -> Wanted:
        """Return the same for the files of one fold, in a folder of its own.

        Args:
            number: number of the fold, from 1 on.
        """
        name = f"fold{number}"
        return Wanted(f"{self.name}-{name}", self.data, None, self.folder / name, self.settings)


class Parts(ABC):
    """Splits the datasets of one task into training and test images."""

    @abstractmethod
    def prepare(self, wanted: Wanted) -> tuple[Dataset, list[str]]:
        """Open a dataset and write which images train and which test; say what was read.

        Raises:
            ConfigError: the dataset is in the folder for it.
            DataError: the data cannot be used.
        """

    @abstractmethod
    def folds(self, wanted: Wanted, count: int, seed: int) -> tuple[list[Dataset], list[str]]:
        """Open a dataset and write its folds; say what was read.

        The test parts of the folds are disjoint and cover all images that are used; each class
        is in all of them by the same share. With ``samples``, the images are those that a
        fine-tuning on the same data with the same ``samples`` and ``seed`` uses.

        Args:
            wanted: dataset, whose own test images are left alone.
            count: number of folds, 2 or more.
            seed: seed of the drawn images and of the folds.

        Raises:
            ConfigError: the dataset is in the folder for it.
            DataError: the data cannot be used, or a fold would train without some class.
        """


def parts_of(task: Task) -> Parts:
    """Return the splitter of a task."""
    parts: Parts = loaded(task.parts)
    return parts
