"""The registry of data sources, and which of them reads what the user gave.

A package adds a source by an entry point of the group ``acrank.data_sources`` that loads an
instance of :class:`DataSource`, whose name is that of the entry point.
"""

from __future__ import annotations

import logging

from acrank.data.folders.foreign import kind_of_file
from acrank.data.sources.base import DataSource, Recognised, existing
from acrank.errors import AcrankError, DataError
from acrank.utils.plugins import Registry, instance_of
from acrank.utils.visible import typed_line, visible

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
    sources = [source for source in SOURCES.values() if not asked or name_of_task(source) == task]
    seen = [(source, found) for source in sources if (found := _look(source, spec, asked=asked))]
    if not seen:
        raise _refusal(spec, sources)
    most = max(found.sure for _, found in seen)
    surest = [(source, found) for source, found in seen if found.sure == most]
    if len(surest) > 1:
        said = " or ".join(f"{found.what} (read by {source.name})" for source, found in surest)
        raise DataError(f"{spec}: it may be {said}.", hint=_choose([s for s, _ in surest]))
    return surest[0][0]


# What --task calls the task of a source.
_NAMES = {"masks": "segmentation", "volumes": "segmentation"}


def name_of_task(source: DataSource) -> str:
    """What ``--task`` calls the task of a source."""
    return _NAMES.get(source.task, source.task)


def _look(source: DataSource, spec: str, *, asked: bool) -> Recognised | None:
    try:
        return source.recognise(spec, asked=asked)
    except AcrankError:
        raise
    except Exception as error:
        package = SOURCES.origin(source.name)
        if not package:
            raise
        text = f"The data source {source.name!r} of {package} is left out: {typed_line(error)}."
        _LOGGER.warning("%s", visible(text))
        return None


def _choose(sources: list[DataSource]) -> str:
    tasks = dict.fromkeys(name_of_task(source) for source in sources)
    if len(tasks) > 1:
        return f"Say which is meant: {' or '.join(f'--task {task}' for task in tasks)}."
    written = " or ".join(source.written for source in sources)
    return f"Move what is not meant elsewhere, so that it is only one of them: {written}."


def _refusal(spec: str, sources: list[DataSource]) -> DataError:
    accepted = _accepted(sources)
    path = existing(spec)
    if path is None:
        hints = filter(None, (source.meant(spec) for source in sources))
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
