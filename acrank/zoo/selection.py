"""Choosing models by name: from a zoo, or straight from timm and the hub."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

import timm

from acrank.errors import ZooError
from acrank.zoo.entries import HUB_PREFIX, LOCAL_PREFIX, Zoo, ZooEntry
from acrank.zoo.names import check_names, full_name, nearest, unknown_name


def select_entries(zoo: Zoo | None, patterns: Sequence[str]) -> tuple[ZooEntry, ...]:
    """The models that patterns name.

    Args:
        zoo: where to look; None looks in timm's registry.
        patterns: names, with the wildcards ``*``, ``?`` and ``[]``. With a zoo they match entry
            names, and no pattern at all takes every entry. Without one they are timm's names,
            or ``hf-hub:`` and ``local-dir:`` sources.

    Returns:
        The entries: in the zoo's order, or without a zoo in the order asked for.

    Raises:
        ZooError: a pattern matches nothing.
    """
    if zoo is not None:
        return _from_zoo(zoo, patterns)
    if not patterns:
        raise ZooError("No model is named.", hint="Name a zoo file, or at least one model.")
    names = dict.fromkeys(name for pattern in patterns for name in _from_timm(pattern))
    return tuple(ZooEntry(name=name) for name in names)


def _from_zoo(zoo: Zoo, patterns: Sequence[str]) -> tuple[ZooEntry, ...]:
    names = [entry.name for entry in zoo.entries]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            hint = nearest(pattern, names) or "acrank list-zoo shows its models."
            raise ZooError(f"No model of the zoo {zoo.name!r} matches {pattern!r}.", hint=hint)
    return tuple(
        entry
        for entry in zoo.entries
        if not patterns or any(fnmatchcase(entry.name, pattern) for pattern in patterns)
    )


def _from_timm(pattern: str) -> list[str]:
    if pattern.startswith((HUB_PREFIX, LOCAL_PREFIX)):
        check_names(ZooEntry(name=pattern))
        return [pattern]
    if not any(wildcard in pattern for wildcard in "*?["):
        return [full_name(pattern)]
    names: list[str] = timm.list_pretrained(pattern)
    if not names:
        raise unknown_name(pattern)
    return names
