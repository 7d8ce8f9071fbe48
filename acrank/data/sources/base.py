"""Define what a data source is: one kind of data that ``--data`` can name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from acrank.data.folders.roots import test_folder
from acrank.data.images import Opening
from acrank.errors import ConfigError
from acrank.utils.paths import user_path

if TYPE_CHECKING:
    from acrank.data.base import AnyTarget


class Sure(IntEnum):
    """The certainty with which a source recognises data; the surest source reads them."""

    POSSIBLE = 1  # nothing speaks against it: any folder may hold class folders
    LAYOUT = 2  # names of folders and files, and a look into a few files, say so
    WRITTEN = 3  # the way it is written says so: a prefix, a suffix, a word


@dataclass(frozen=True)
class Recognised:
    """The kind of data that a source recognised.

    Attributes:
        what: in words with their article, such as ``a CSV file``.
        sure: how surely.
    """

    what: str
    sure: Sure


@dataclass(frozen=True)
class HeldOut:
    """The held-out parts of a dataset, each as it is given to ``--data``; None for none.

    Attributes:
        validation: to choose by.
        test: to judge on.
        of_one_file: whether the dataset is one file that has its parts in it, so that fine-tuning
            uses them unasked.
    """

    validation: str | None = None
    test: str | None = None
    of_one_file: bool = False


class DataSource(ABC):
    """One kind of data.

    Attributes:
        name: of the source, in messages and as its entry point.
        task: the key of the task that its labels are for.
        written: how it is given to ``--data``, as the end of the sentence "Give ...".
        grouped: whether its data are tables, of which a column may name the groups of images.
    """

    name: ClassVar[str]
    task: ClassVar[str] = "classification"
    written: ClassVar[str]
    grouped: ClassVar[bool] = False

    def refuse_groups(self, spec: str, column: str | None) -> None:
        """Refuse a column of groups for data that are no table.

        Args:
            spec: what the user gave.
            column: that names the groups; None for none.

        Raises:
            ConfigError: there is a column, and the data are no table.
        """
        if column is not None and not self.grouped:
            raise ConfigError(
                f"--group-column {column} is a column of a table, and {spec} is none.",
                hint=f"Give --data a CSV file with the columns path,label,{column}.",
            )

    @abstractmethod
    def recognise(self, spec: str, *, asked: bool) -> Recognised | None:
        """Say what is recognised in what the user gave; None for what this source cannot read.

        Nothing is opened in full, and nothing is requested.

        Args:
            spec: what the user gave.
            asked: whether the user said the task, so that little has to speak for this source.

        Raises:
            DataError: it looks like data of this source, but not quite, and what is meant cannot
                be told.
        """

    @abstractmethod
    def open(self, spec: str, how: Opening) -> AnyTarget:
        """Open the data and check them: items, classes, and notes for the user.

        Args:
            spec: what the user gave.
            how: it is to be opened.

        Raises:
            DataError: the data are missing, ill-formed or damaged.
            MissingExtraError: an optional package that reads them is missing.
        """

    def meant(self, spec: str) -> str | None:
        """Say how to write what no source recognises, if it may be meant for this one.

        Args:
            spec: what the user gave.
        """
        return None

    def held_out(self, spec: str) -> HeldOut:
        """The held-out parts that belong to the data; only names are looked at.

        Args:
            spec: what the user gave.
        """
        return HeldOut()

    def title(self, spec: str) -> str:
        """A short name of the dataset, for tables and folders.

        Args:
            spec: what the user gave.
        """
        return Path(spec).name


def held_out_folder(spec: str) -> HeldOut:
    """The folder of test images beside the training part of a folder.

    Args:
        spec: what the user gave.
    """
    found = test_folder(user_path(spec))
    return HeldOut(test=None if found is None else str(found))


def existing(spec: str) -> Path | None:
    """The file or folder that was given; None if there is no such."""
    try:
        path = user_path(spec)
        return path if spec.strip() and path.exists() else None
    except (OSError, ValueError):  # a name that no file can have
        return None
