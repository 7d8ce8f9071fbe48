"""The registry of tasks: each owns every decision that depends on what its labels are of.

A new task takes: an instance of :class:`Task` in a module of :mod:`acrank.tasks.kinds`, its readout
(:mod:`acrank.tasks.readout`), a data source whose target draws a sample of it
(:mod:`acrank.data.sources`, :mod:`acrank.data.base`), how it is fine-tuned
(:class:`acrank.finetuning.tuning.Tuning`) and how its datasets are parted
(:class:`acrank.experiments.parts.base.Parts`).

Importing it needs no torch. A package adds a task by an entry point of the group ``acrank.tasks``:
its name is the task's key, and it loads an instance of :class:`Task`.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from acrank.errors import ConfigError
from acrank.utils.plugins import Registry, instance_of

if TYPE_CHECKING:
    from acrank.config import RunConfig
    from acrank.data.base import AnySample
    from acrank.tasks.readout import Readout


class HasDecoder(Protocol):
    """The settings that say which optional packages a task needs."""

    @property
    def decoder(self) -> str:
        """Name of the decoder on feature maps."""
        ...


@dataclass(frozen=True)
class Measure:
    """A measure that fine-tuned networks are judged by.

    Attributes:
        key: in records, tables and settings.
        words: its name in sentences.
        predicted: whether scores can be said to predict it: higher is better then.
        higher_is_better: the direction.
        quality: what it is called in sentences on an experiment, in the singular and the plural.
        drawn: whether its curve is drawn over the epochs.
        told: whether it is printed after each epoch.
    """

    key: str
    words: str
    predicted: bool = True
    higher_is_better: bool = True
    quality: tuple[str, str] = ("accuracy", "accuracies")
    drawn: bool = True
    told: bool = True


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """A task: what has labels, and every decision that depends on it.

    Attributes:
        key: its own name; data, samples and registries of other rooms know it by this.
        name: what a user calls it (``--task``); several tasks on data of different kinds may
            share one.
        things: what data are of, in the plural: ``images`` or ``volumes``.
        dimensions: of an image, 2 or 3; 2-D networks compute channels last.
        whole_images: whether labels are of whole images, so that a network's pooled features, and
            the classifier that it was trained with, are of use.
        metrics: the task that metrics are defined for (``tasks`` of a metric): its own name, or
            that of a task with labels of the same form.
        samples: how many images are drawn for scoring, unless it is set.
        batch_size: images in a batch, unless it is set.
        image_size: pixels of a side to which images are brought, unless it is set; None for the
            own size of each network.
        size_step: what image sizes have to be multiples of.
        heads: of the probe, those that are defined.
        augmentations: of training images, those that are defined.
        measures: that fine-tuned networks are judged by; the first one that is predicted is what an
            experiment is about, unless it is set.
        monitor: the measure that chooses the best epoch, unless it is set.
        averaged: what the measures are means of, in words; empty for all images.
        tuning: ``module:object``, a :class:`acrank.finetuning.tuning.Tuning`.
        parts: ``module:object``, a :class:`acrank.experiments.parts.base.Parts`.
        gallery: ``module:function`` from a sample to the pictures of it that a page shows.
        figure: ``module:function`` from a finished fine-tuning to the figure beside its curves;
            empty for none.
        target: what the weights of :mod:`acrank.expectation` call labels of this kind; empty where
            nothing was learned of them, so that no accuracy is expected.
    """

    key: str
    name: str
    things: str
    dimensions: int
    whole_images: bool
    metrics: str
    samples: int
    batch_size: int
    heads: tuple[str, ...]
    augmentations: tuple[str, ...]
    measures: tuple[Measure, ...]
    monitor: str
    averaged: str
    tuning: str
    parts: str
    gallery: str
    figure: str
    image_size: int | None = None
    size_step: int = 1
    target: Literal["", "classes", "masks", "volumes"] = ""

    @abstractmethod
    def require(self, config: HasDecoder) -> None:
        """Say at once which optional packages are missing.

        Raises:
            ConfigError: the decoder is not for such data.
            MissingExtraError: some packages are missing.
        """

    @abstractmethod
    def readout(self, config: RunConfig, sample: AnySample) -> Readout[Any]:
        """Make what networks are read out by in a run.

        Args:
            config: of the run.
            sample: that it is on.
        """

    @property
    def predicted(self) -> tuple[Measure, ...]:
        """The measures that scores can be said to predict, the usual one first."""
        return tuple(measure for measure in self.measures if measure.predicted)

    @property
    def measure_keys(self) -> tuple[str, ...]:
        """Keys of its measures."""
        return tuple(measure.key for measure in self.measures)

    def measure(self, key: str) -> Measure:
        """The measure of a key."""
        return next(measure for measure in self.measures if measure.key == key)


def _own() -> dict[str, Task]:
    # each is an instance of what is defined here
    from acrank.tasks.kinds.classification import CLASSIFICATION
    from acrank.tasks.kinds.masks import MASKS
    from acrank.tasks.kinds.volumes import VOLUMES

    # the first of a name stands for it where only the name is known
    return {task.key: task for task in (CLASSIFICATION, MASKS, VOLUMES)}


def _accept(name: str, loaded: object) -> Task:
    task = instance_of(Task)(name, loaded)  # type: ignore[type-abstract]
    if task.key != name:
        raise ValueError(f"its key is {task.key!r}, and its entry point is called {name!r}")
    return task


# Every task by its key.
TASKS: Registry[Task] = Registry("acrank.tasks", "task", _own, _accept)


def loaded(target: str) -> Any:
    """The object ``module:name``, whose module is imported now."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def task_names() -> tuple[str, ...]:
    """Return the names that ``--task`` takes besides ``auto``."""
    return tuple(dict.fromkeys(task.name for task in TASKS.values()))


def task_named(name: str | None) -> Task:
    """The first task of a name, for what all tasks of one name have in common.

    Args:
        name: of a configuration; None, of a record from before there were others, and ``auto``,
            of data that have not been looked at, stand for classification.

    Raises:
        ConfigError: there is none.
    """
    if name in (None, "auto"):
        return TASKS["classification"]
    for task in TASKS.values():
        if task.name == name:
            return task
    raise ConfigError(f"There is no task '{name}'.", hint=f"Known: {', '.join(task_names())}.")


def every_measure() -> tuple[Measure, ...]:
    """The measures of all tasks, each key once."""
    every = {m.key: m for task in TASKS.values() for m in task.measures}
    return tuple(every.values())
