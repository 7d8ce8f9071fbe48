"""Split each dataset of an experiment into training and test images."""

from __future__ import annotations

from pathlib import Path

from acrank.data import blamed, find_source, known_task
from acrank.errors import ConfigError
from acrank.experiments.benchmark.config import BenchmarkConfig
from acrank.experiments.parts.base import Dataset, PartSettings, Said, Wanted, parts_of
from acrank.tasks.registry import TASKS, Task


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
        ConfigError: two datasets have one name, or a column of groups is not of a table.
        DataError: a dataset cannot be used.
    """
    sources = [find_source(data, config.task) for data in config.data]
    names = []
    for source, data in zip(sources, config.data, strict=True):
        source.refuse_groups(data, config.group_column)
        with blamed(source):
            names.append(source.title(data))
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"Two datasets are called {name!r}.", hint="Rename a folder.")
    datasets = []
    for source, name, data in zip(sources, names, config.data, strict=True):
        with blamed(source):
            given = source.held_out(data).test
        wanted = Wanted(name, data, given, output / "data" / name, PartSettings.of(config))
        found, told = parts_of(TASKS[source.task]).prepare(wanted)
        if say:
            for text in told:
                say(f"{name}: {text}")
        datasets.append(found)
    return datasets
