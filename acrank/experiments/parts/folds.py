"""Split a dataset of any task into folds for cross-validation."""

from __future__ import annotations

from pathlib import Path

from acrank.data import blamed, find_source
from acrank.experiments.parts.base import Dataset, PartSettings, Said, Wanted, parts_of
from acrank.tasks.registry import TASKS


def folds_of(
    data: str,
    task: str,
    settings: PartSettings,
    count: int,
    seed: int,
    folder: Path,
    say: Said | None = None,
) -> list[Dataset]:
    """Open a dataset of any task and write its folds for cross-validation.

    The files of fold i are in ``FOLDER/foldI``: ``train.csv`` and ``test.csv``, or with masks and
    volumes the folders of links ``train/`` and ``test/``. The same call writes the same files.
    See :meth:`acrank.experiments.parts.base.Parts.folds` for what the folds are like.

    Args:
        data: data that the user gave; test images beside them are left alone.
        task: name of a task, or ``auto`` to look at the data.
        settings: settings of the splitting; ``test_share`` has no part in it.
        count: number of folds, 2 or more.
        seed: seed of the drawn images and of the folds.
        folder: folder for the files of all folds, which is created.
        say: takes sentences on what was read.

    Returns:
        The folds in order, with the names ``NAME-fold1`` and so on.

    Raises:
        ConfigError: the dataset is in the folder for it, or a column of groups is not of a table.
        DataError: the data cannot be used, or a fold would train without some class.
    """
    source = find_source(data, task)
    source.refuse_groups(data, settings.group_column)
    with blamed(source):
        name = source.title(data)
    wanted = Wanted(name, data, None, folder, settings)
    found, told = parts_of(TASKS[source.task]).folds(wanted, count, seed)
    if say:
        for text in told:
            say(text)
    return found
