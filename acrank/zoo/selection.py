"""Choose models by name, from a zoo or straight from their sources."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from acrank.errors import ZooError
from acrank.utils.nearest import nearest
from acrank.zoo.entries import Zoo, ZooEntry
from acrank.zoo.sources.registry import source_of


def select_entries(zoo: Zoo | None, patterns: Sequence[str]) -> tuple[ZooEntry, ...]:
    """The models that patterns name.

    Args:
        zoo: where to look; None asks the models' sources.
        patterns: names, with the wildcards ``*``, ``?`` and ``[]``. With a zoo they match entry
            names, and no pattern at all takes every entry. Without one they are timm's names,
            or models of other sources behind their prefix, such as ``hf-hub:``.

    Returns:
        The entries: in the zoo's order, or without a zoo in the order asked for.

    Raises:
        ZooError: a pattern matches nothing.
    """
    if zoo is not None:
        return _from_zoo(zoo, patterns)
    if not patterns:
        raise ZooError("No model is named.", hint="Name a zoo file, or at least one model.")
    asked = (source_of(ZooEntry(name=pattern)).select(pattern) for pattern in patterns)
    names = dict.fromkeys(name for found in asked for name in found)
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
