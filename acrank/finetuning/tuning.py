"""The base of fine-tuning for one task: it reads the data and makes the objective."""

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
from acrank.finetuning.trained import Finished, Trained
from acrank.tasks.registry import TASKS, Task, loaded


@dataclass(frozen=True)
class SplitImages(Generic[Data]):
    """The images of a fine-tuning by their use.

    Attributes:
        tuning: fine-tuning for their task.
        training: images to train on.
        validation: images that choose the epoch.
        test: images that judge the chosen weights; None for none.
        notes: notices on the images.
        monitor: measure that chooses the epoch: ``loss`` where the configured one is not defined
            on the validation images.
        read: sentences on what was read.
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
        key: key of the task.
        wording: words that notices use for its images.
        files: names of the files that loading the network needs.
        make: makes the objective from the configuration, the training images, the backbone's
            preprocessing and the device.
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
        """Refuse at once if optional packages are missing.

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
            config: configuration of the fine-tuning.
            spec: data, as the user gave them.
            like: training images whose classes count; None to read the training images.
            option: option that names the data.

        Raises:
            DataError: the data cannot be used, or have other classes.
        """

    @abstractmethod
    def classes_apart(self, images: Data) -> Rows:
        """Return the class of each image by which images are split, (N,)."""

    @abstractmethod
    def held(self, images: Data) -> Held:
        """Tell for each class if an image is of it, or has it in its mask, (K,)."""

    @abstractmethod
    def is_defined(self, measure: str, validation: Held, training: Data) -> bool:
        """Tell if a measure is defined on validation images that hold some classes."""

    def groups(self, images: Data) -> tuple[str | None, ...]:
        """Return the group of each image, None for one without; nothing where there are none."""
        return ()

    def absent(self, training: Data) -> list[str]:
        """Say which classes no training image holds.

        Raises:
            DataError: no training image holds more than one class.
        """
        return []

    def settings(self, training: Data) -> dict[str, Any]:
        """Return the settings that the training data decide where the user set none."""
        return {}

    @abstractmethod
    def trained(self, finished: Finished) -> Trained:
        """Load the network of a finished fine-tuning.

        Args:
            finished: its folder and its record.

        Raises:
            ModelError: it cannot be built again.
        """


def tuning_of(task: Task) -> Tuning[Any, Any]:
    """Return the fine-tuning for a task."""
    tuning: Tuning[Any, Any] = loaded(task.tuning)
    return tuning
