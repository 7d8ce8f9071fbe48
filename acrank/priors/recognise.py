"""Recognise published tables and datasets in numbers and names that somebody else writes down."""

from __future__ import annotations

import re
from collections.abc import Mapping

from acrank.priors.published import Book

# Spellings of datasets, without signs and in lower case, that differ from those of the tables.
_ALSO = {
    "oxfordiiitpets": "pets",
    "oxfordiiitpet": "pets",
    "oxfordpets": "pets",
    "stanfordcars": "cars",
    "fgvcaircraft": "aircraft",
    "flowers102": "flowers",
    "oxfordflowers102": "flowers",
    "food101": "food",
    "resisc45": "resisc",
    "pascalvoc2007": "voc2007",
    "pcam": "patch_camelyon",
}
# Half a unit of the second digit of percentages, to which tables are rounded.
ROUNDING = 0.0051
# Fewer equal numbers than this are chance: of the same networks, and of networks of any name.
FEWEST_EQUAL, FEWEST_OF_ANY = 3, 8
# Share of the numbers that are equal where a table was copied; sources correct a few.
SHARE = 0.8


def datasets_called(name: str, pages: Book) -> frozenset[str]:
    """The datasets of published tables that a name stands for, whatever its signs and case."""
    plain = _plain(name)
    wanted = {plain, _plain(_ALSO.get(plain, plain))}
    return frozenset(dataset for dataset in pages.domains if _plain(dataset) in wanted)


def tables_with(values: Mapping[str, Mapping[str, float]], pages: Book) -> tuple[str, ...]:
    """The published tables that hold the same numbers.

    Args:
        values: dataset -> canonical name of a network -> accuracy, in per cent or as fraction.
        pages: published numbers.

    Returns:
        Names of the tables of which some dataset has equal accuracies of three or more of the same
        networks, or of eight or more whatever their names, and few others.
    """
    return tuple(
        name
        for name, table in pages.tables.items()
        if any(_same(own, theirs) for own in values.values() for theirs in table.values.values())
    )


def _same(own: Mapping[str, float], theirs: Mapping[str, float]) -> bool:
    mine, other = _per_cent(own), _per_cent(theirs)
    named = [abs(mine[m] - other[m]) <= ROUNDING for m in mine.keys() & other.keys()]
    if sum(named) >= max(FEWEST_EQUAL, SHARE * len(named)):
        return True
    of_any = [any(abs(x - y) <= ROUNDING for y in other.values()) for x in mine.values()]
    return sum(of_any) >= max(FEWEST_OF_ANY, SHARE * len(of_any))


def _per_cent(values: Mapping[str, float]) -> dict[str, float]:
    unit = 100 if max(values.values(), default=0) <= 1 else 1
    return {model: value * unit for model, value in values.items()}


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())
