"""Register the data sources, and open what the user gave with the one that recognises it.

A package adds a source by an entry point of the group ``acrank.data_sources`` that loads a
class that derives from :class:`DataSource`, or an instance, under its own name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeVar

from acrank.data.folders.foreign import kind_of_file
from acrank.data.images import Opening
from acrank.data.sources.base import DataSource, Recognised, existing
from acrank.data.target import Target
from acrank.errors import AcrankError, DataError
from acrank.tasks.registry import TASKS
from acrank.utils.plugins import Registry, instance_of
from acrank.utils.visible import typed_line, visible

if TYPE_CHECKING:
    from acrank.data.base import AnyTarget

CLASSIFICATION = "classification"
Answer = TypeVar("Answer")
_LOGGER = logging.getLogger("acrank.plugins")


def _own() -> dict[str, DataSource]:
    # each is a subclass of what is defined in base
    from acrank.data.sources.class_folders import ClassFolders
    from acrank.data.sources.demo import Demo
    from acrank.data.sources.hub import HubDataset
    from acrank.data.sources.masks import Masks
    from acrank.data.sources.medmnist import MedMnist
    from acrank.data.sources.table import Table
    from acrank.data.sources.volumes import Volumes

    every = (ClassFolders(), Table(), Masks(), Volumes(), MedMnist(), HubDataset(), Demo())
    return {source.name: source for source in every}


def _accept(name: str, loaded: object) -> DataSource:
    source = instance_of(DataSource)(name, loaded)  # type: ignore[type-abstract]
    for needed in ("name", "written", "task"):
        if not isinstance(getattr(source, needed, None), str):
            raise TypeError(f"it has no text {needed!r}")
    if source.task not in TASKS:
        raise ValueError(f"there is no task {source.task!r}")
    if source.name != name:
        raise ValueError(f"its name is {source.name!r}, and its entry point is called {name!r}")
    return source


# Every data source by its name.
SOURCES: Registry[DataSource] = Registry("acrank.data_sources", "data source", _own, _accept)


def find_source(spec: str, task: str = "auto") -> DataSource:
    """The source that reads what the user gave: the one that recognises it most surely.

    Args:
        spec: what the user gave.
        task: the name of a task, or ``auto`` to look at the data.

    Raises:
        DataError: no source recognises it, or two are equally sure; says what each saw.
    """
    asked = task != "auto"
    sources = [
        source for source in SOURCES.values() if not asked or TASKS[source.task].name == task
    ]
    seen = [(source, found) for source in sources if (found := _look(source, spec, asked=asked))]
    if not seen:
        raise _refusal(spec, sources)
    most = max(found.sure for _, found in seen)
    surest = [(source, found) for source, found in seen if found.sure == most]
    if len(surest) > 1:
        said = " or ".join(f"{found.what} (read by {source.name})" for source, found in surest)
        raise DataError(f"{spec}: it may be {said}.", hint=_choose([s for s, _ in surest]))
    return surest[0][0]


def known_task(spec: str, task: str) -> str:
    """The key of the task that a dataset is for, by names and by a look into a few files.

    Args:
        spec: what the user gave.
        task: the name of a task, or ``auto`` to look at the data.

    Raises:
        DataError: no source recognises it, or which of several is meant cannot be told.
    """
    return find_source(spec, task).task


def open_any(
    spec: str,
    task: str,
    *,
    offline: bool = False,
    window: tuple[float, float] | None = None,
    group_column: str | None = None,
) -> AnyTarget:
    """Open a target dataset and check it; it says which task it is for.

    Args:
        spec: what the user gave.
        task: the name of a task, or ``auto`` to look at the data.
        offline: make no request.
        window: the lowest and the highest value that count, where pixels have units.
        group_column: the column of a table that names the group of each image; None for none.

    Raises:
        ConfigError: a window is given, and no pixels have units; a column, and there is no table.
        DataError: the data are missing, ill-formed or damaged.
        MissingExtraError: an optional package that reads them is missing.
    """
    how = Opening(offline, window, group_column)
    source = find_source(spec, task)
    source.refuse_groups(spec, group_column)
    with blamed(source):
        target = source.open(spec, how)
        how.refuse_unused(spec, windowed=target.windowed)
    return target


def open_target(
    spec: str,
    *,
    offline: bool = False,
    window: tuple[float, float] | None = None,
    group_column: str | None = None,
) -> Target:
    """Open a classification dataset and check each of its images.

    Args:
        spec: a folder of class folders (optionally under ``train/``), a CSV file (``path,label``),
            ``hfds/NAME`` or ``hfds/NAME:SPLIT``, ``demo``, or what else a source reads.
        offline: make no request.
        window: see :func:`open_any`.
        group_column: see :func:`open_any`.

    Raises:
        DataError: the data are missing, ill-formed or damaged.
        MissingExtraError: an optional package that reads them is missing.
    """
    target = open_any(
        spec, CLASSIFICATION, offline=offline, window=window, group_column=group_column
    )
    if not isinstance(target, Target):
        raise TypeError(f"{spec}: its source gave a {type(target).__name__}, and no Target.")
    return target


def _look(source: DataSource, spec: str, *, asked: bool) -> Recognised | None:
    def look() -> Recognised | None:
        found = source.recognise(spec, asked=asked)
        if found is not None and not isinstance(found, Recognised):
            raise TypeError(f"it recognised a {type(found).__name__}, and no Recognised")
        return found

    return _tried(source, look)


def _tried(source: DataSource, ask: Callable[[], Answer]) -> Answer | None:
    """Ask a source; one of another package that fails is left out, with one line."""
    try:
        return ask()
    except (AcrankError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        package = SOURCES.origin(source.name)
        if not package:
            raise
        _say_left_out(f"{source.name!r} of {package} is left out: {typed_line(error)}")
        return None


@lru_cache(maxsize=100)  # a command asks for its data several times
def _say_left_out(text: str) -> None:
    _LOGGER.warning("%s", visible(f"The data source {text}."))


@contextmanager
def blamed(source: DataSource) -> Iterator[None]:
    """Name the package of a data source that fails while it is in use.

    Args:
        source: the source that is used inside.

    Raises:
        DataError: it is of another package, and failed with an error that is none of acrank's.
    """
    try:
        yield
    except (AcrankError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        package = SOURCES.origin(source.name)
        if not package:
            raise
        text = f"The data source {source.name!r} of {package} failed: {typed_line(error)}."
        raise DataError(
            visible(text), hint="Ask its authors to mend it, or give the data in another form."
        ) from error


def _choose(sources: list[DataSource]) -> str:
    tasks = dict.fromkeys(TASKS[source.task].name for source in sources)
    if len(tasks) > 1:
        return f"Say which is meant: {' or '.join(f'--task {task}' for task in tasks)}."
    written = " or ".join(source.written for source in sources)
    return f"Move what is not meant elsewhere, so that it is only one of them: {written}."


def _refusal(spec: str, sources: list[DataSource]) -> DataError:
    accepted = _accepted(sources)
    path = existing(spec)
    if path is None:
        hints = filter(None, (_tried(s, partial(s.meant, spec)) for s in sources))
        told = next(hints, None)
        return DataError(
            f"{spec!r}: no such file or folder.", hint=f"{told} {accepted}" if told else accepted
        )
    kind = None if path.is_dir() else kind_of_file(path)
    if kind is not None:
        return DataError(
            f"{spec}: no data source reads it: {kind.what} are not read.", hint=kind.step
        )
    return DataError(f"{spec}: no data source reads it.", hint=accepted)


def _accepted(sources: list[DataSource]) -> str:
    *first, last = dict.fromkeys(source.written for source in sources)
    return f"Give {', '.join(first)}, or {last}." if first else f"Give {last}."
