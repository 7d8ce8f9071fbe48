"""How networks are fine-tuned for one task: its data, its objective, what it leaves in a folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic

import torch

from acrank.data import Preprocessing
from acrank.finetuning.config import FinetuneConfig
from acrank.finetuning.notices import Held, Wording
from acrank.finetuning.objective import Data, Judged, Objective
from acrank.finetuning.split import Rows
from acrank.tasks.registry import TASKS, Task, loaded


@dataclass(frozen=True)
class Images(Generic[Data]):
    """The images of a fine-tuning.

    Attributes:
        tuning: of their task.
        training: to train on.
        validation: to choose the epoch by.
        test: to judge the chosen weights on; None for none.
        notes: what a user should know of them.
        monitor: the measure that chooses the epoch: ``loss`` where the validation images have not
            the one that is asked for.
        read: what was read, in words.
        settings: settings that the training data decided where they were not set.
    """

    tuning: Tuning[Data, Any]
    training: Data
    validation: Data
    test: Data | None
    notes: tuple[str, ...]
    monitor: str
    read: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)


class Tuning(ABC, Generic[Data, Judged]):
    """Everything about a fine-tuning that depends on its task.

    Attributes:
        key: of the task.
        wording: words that notices use for its images.
        files: names of the files that loading the network needs.
        make: makes what a fine-tuning is for, of its configuration, the training images, the
            backbone's preprocessing and the device.
    """

    key: str
    wording: Wording
    files: tuple[str, ...]
    make: Callable[[FinetuneConfig, Data, Preprocessing, torch.device], Objective[Data, Judged]]

    @property
    def task(self) -> Task:
        """The task."""
        return TASKS[self.key]

    def require(self, config: FinetuneConfig) -> None:
        """Say at once which optional packages are missing.

        Raises:
            ConfigError: the decoder is not for such data.
            MissingExtraError: some packages are missing.
        """
        self.task.require(config)

    @abstractmethod
    def read(
        self, config: FinetuneConfig, spec: str, like: Data | None, option: str
    ) -> tuple[Data, str]:
        """Read images, and say in words what was read.

        Args:
            config: of the fine-tuning.
            spec: the data, as the user gave them.
            like: the training images, by whose classes these are read; None for those themselves.
            option: that the data were given by.

        Raises:
            DataError: the data cannot be used, or have other classes.
        """

    @abstractmethod
    def classes_apart(self, images: Data) -> Rows:
        """Return the class of each image by which images are split, (N,)."""

    @abstractmethod
    def held(self, images: Data) -> Held:
        """Tell whether an image is of each class, or has it in its mask, (K,)."""

    @abstractmethod
    def is_defined(self, measure: str, validation: Held, training: Data) -> bool:
        """Whether a measure is defined on validation images that hold some classes."""

    def absent(self, training: Data) -> list[str]:
        """Say which classes no training image holds.

        Raises:
            DataError: all but one.
        """
        return []

    def settings(self, training: Data) -> dict[str, Any]:
        """Settings that the training data decided where they were not set."""
        return {}


def tuning_of(task: Task) -> Tuning[Any, Any]:
    """How networks are fine-tuned for a task."""
    tuning: Tuning[Any, Any] = loaded(task.tuning)
    return tuning
