"""Registries of named objects that other installed packages can add to by entry points.

A package adds an object with an entry point whose name is the object's name::

    [project.entry-points."acrank.metrics"]
    my_score = "my_package.scores:my_score"

Nothing is looked up or imported before a registry is first asked.
"""

from __future__ import annotations

import logging
import multiprocessing
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from acrank.utils.visible import first_line, typed_line, visible

T = TypeVar("T")

# Python prints warnings of a logger nobody has set up on stderr, a line each.
_LOGGER = logging.getLogger("acrank.plugins")


class Registry(Mapping[str, T]):
    """Named objects: acrank's own, in their order, and then those of installed packages.

    A broken plug-in, or one with a name that is taken, is left out: that costs one line on stderr
    and never the run.

    Args:
        group: entry points that add to it, such as ``acrank.metrics``.
        noun: what one object is called in messages, such as ``metric``.
        own: gives acrank's own objects by name; called once, on first use.
        accept: gives the object to register from an entry point's name and what was loaded;
            raises ``TypeError`` or ``ValueError`` with the reason to refuse it.
    """

    def __init__(
        self,
        group: str,
        noun: str,
        own: Callable[[], Mapping[str, T]],
        accept: Callable[[str, object], T],
    ) -> None:
        self.group = group
        self.noun = noun
        self._own = own
        self._accept = accept
        self._found: dict[str, T] | None = None
        self._origins: dict[str, str] = {}
        self._lock = threading.RLock()

    def __getitem__(self, name: str) -> T:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def origin(self, name: str) -> str:
        """The package that brought an object, as ``name 1.2``; empty for acrank's own.

        An object of another package is a part of what a cached result depends on.
        """
        self._all()
        return self._origins.get(name, "")

    def forget(self) -> None:
        """Look everything up anew on next use, for packages that were installed meanwhile."""
        with self._lock:
            self._found = None

    def _all(self) -> dict[str, T]:
        with self._lock:
            if self._found is None:
                # set first: a package that asks for an object as it is imported gets what there is
                self._found, self._origins = dict(self._own()), {}
                for point in _points(self.group):
                    self._add(point, self._found)
            return self._found

    def _add(self, point: EntryPoint, found: dict[str, T]) -> None:
        if point.name in found:
            holder = self._origins.get(point.name) or "acrank itself"
            self._complain(point, f"there is already one of that name, of {holder}")
            return
        try:
            loaded = point.load()
        except (Exception, SystemExit) as error:  # the package's code may raise anything
            self._complain(point, f"importing {point.value} failed with {typed_line(error)}")
            return
        try:
            found[point.name] = self._accept(point.name, loaded)
        except (TypeError, ValueError) as error:
            self._complain(point, first_line(error))
            return
        self._origins[point.name] = _package(point)

    def _complain(self, point: EntryPoint, reason: str) -> None:
        if multiprocessing.parent_process() is not None:  # the parent has said it
            return
        text = f"The {self.noun} {point.name!r} of {_package(point)} is left out: {reason}."
        _LOGGER.warning("%s", visible(text))


def instance_of(kind: type[T]) -> Callable[[str, object], T]:
    """An ``accept`` that takes objects of one class, or a class of such objects."""

    def accept(name: str, loaded: object) -> T:
        made = loaded() if isinstance(loaded, type) and issubclass(loaded, kind) else loaded
        if not isinstance(made, kind):
            raise TypeError(f"it is of type {type(made).__name__}, not acrank's {kind.__name__}")
        return made

    return accept


def _points(group: str) -> list[EntryPoint]:
    """Each entry point of a group once, in an order that does not depend on the path."""
    points = {(point.name, point.value): point for point in entry_points(group=group)}
    return sorted(points.values(), key=lambda point: (_package(point), point.name))


def _package(point: EntryPoint) -> str:
    package = point.dist
    return "an unknown package" if package is None else f"{package.name} {package.version}"
