"""Read the published numbers that acrank ships: accuracies, facts and the fitted prior."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acrank.errors import PriorsError
from acrank.priors.domains import GROUPS
from acrank.priors.facts import Facts, facts_of_name

Array = NDArray[np.float64]

FILE = Path(__file__).parent / "data" / "priors.json.gz"
VERSION = 1
# How the accuracies of a table were reached.
FINE_TUNING, FROZEN = "fine-tuning", "frozen"
# What reading a damaged file may raise.
_DAMAGED = (EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError)
# The columns of a line of facts, after the name.
COLUMNS = ("params_m", "imagenet_top1", "imagenet_r")


@dataclass(frozen=True)
class Table:
    """Published accuracies of some networks on some datasets, all from one study.

    Attributes:
        name: name of the table.
        protocol: ``fine-tuning`` (end to end) or ``frozen`` (a head on frozen features).
        source: repository, path, commit, licence and measure, as text.
        values: dataset -> network -> accuracy, in any unit; higher is better.
    """

    name: str
    protocol: str
    source: Mapping[str, str]
    values: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Fit:
    """A normal distribution of the weights of facts, for one group of domains.

    Attributes:
        mean: (P + F,) weights of the P facts, then of the F families.
        covariance: (P + F, P + F).
        offsets: network -> mean and deviation of its own, with its facts, where it was measured.
        apart: deviation of networks about what facts say.
    """

    mean: Array
    covariance: Array
    offsets: Mapping[str, tuple[float, float]]
    apart: float


@dataclass(frozen=True)
class Book:
    """All published numbers.

    Attributes:
        tables: accuracies by the name of their table.
        domains: domain of each dataset.
        facts: facts of networks by their canonical name.
        families: families that the fit has weights for.
        fits: the fit for each group of domains, and under ``""`` where the domain is not known.
        sources: what each table and list of facts was taken from.
    """

    tables: Mapping[str, Table]
    domains: Mapping[str, str]
    facts: Mapping[str, Facts]
    families: tuple[str, ...]
    fits: Mapping[str, Fit]
    sources: Mapping[str, Mapping[str, str]]

    def known(self, name: str) -> bool:
        """Tell if anything is published of a network under this canonical name."""
        return name in self.facts

    def less(self, without: Collection[str]) -> Book:
        """Leave tables and datasets out by name; the fits stay as they are."""
        tables = {
            name: replace(
                table, values={d: row for d, row in table.values.items() if d not in without}
            )
            for name, table in self.tables.items()
            if name not in without
        }
        return replace(self, tables=tables)

    def fine_tuned(self, without: Collection[str] = ()) -> Iterator[Table]:
        """Yield the tables of networks that were fine-tuned end to end, but for some by name."""
        for table in self.tables.values():
            if table.protocol == FINE_TUNING and table.name not in without:
                yield table


@cache
def book() -> Book:
    """The book that acrank ships.

    Raises:
        PriorsError: the file is missing or damaged.
    """
    return read_book(FILE)


def read_book(path: Path) -> Book:
    """Read a file of published numbers.

    Args:
        path: file that ``benchmarks/priors/compile.py`` wrote.

    Raises:
        PriorsError: the file is missing or damaged.
    """
    try:
        raw = json.loads(gzip.decompress(path.read_bytes()).decode())
        if raw["version"] != VERSION:
            raise ValueError(f"version {raw['version']} instead of {VERSION}")
        return parsed(raw)
    except (*_DAMAGED, OSError) as error:
        reason = str(error) or type(error).__name__
        raise PriorsError(
            f"The published numbers in '{path}' cannot be read: {reason}.",
            hint="Reinstall acrank.",
        ) from error


def parsed(raw: Mapping[str, Any]) -> Book:
    """Make a book of the contents of its file.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: something is missing or is no number.
    """
    sources = {name: dict(source) for name, source in raw["sources"].items()}
    tables = {
        name: Table(name, table["protocol"], sources[name], _values(table["values"]))
        for name, table in raw["tables"].items()
    }
    domains = dict(raw["domains"])
    for table in tables.values():
        strange = [name for name in table.values if domains[name] not in GROUPS]
        if strange:
            raise ValueError(f"no such domain: {domains[strange[0]]}")
    fit = raw["fit"]
    families = tuple(fit["families"])
    return Book(
        tables=tables,
        domains=domains,
        facts={row[0]: _facts(row) for row in raw["facts"]},
        families=families,
        fits={group: _fit(part) for group, part in fit["groups"].items()},
        sources=sources,
    )


def _values(raw: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {name: {model: _number(v) for model, v in row.items()} for name, row in raw.items()}


def _facts(row: list[Any]) -> Facts:
    """Make facts of a name, its numbers, and what its name does not say (an object, or nothing)."""
    name, *numbers, more = row
    known = {
        key: None if number is None else _number(number)
        for key, number in zip(COLUMNS, numbers, strict=True)
    }
    said = facts_of_name(name)
    return Facts(**{**vars(said), **known, **more})


def _fit(raw: Mapping[str, Any]) -> Fit:
    mean = np.array([_number(value) for value in raw["mean"]])
    lower = np.zeros((len(mean), len(mean)))
    lower[np.tril_indices(len(mean))] = [_number(value) for value in raw["covariance"]]
    offsets = {name: (_number(m), _number(d)) for name, (m, d) in raw["offsets"].items()}
    covariance = lower + np.tril(lower, -1).T
    return Fit(mean, covariance, offsets, _number(raw["apart"]))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)
