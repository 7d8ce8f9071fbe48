"""Average what a network reached on other datasets, in published tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from acrank.priors.names import canonical
from acrank.priors.published import FINE_TUNING, Book, Table, book

# Fewer datasets than this are no history.
FEWEST_DATASETS = 3
# Fewer networks than this have no spread to standardise by.
FEWEST_MODELS = 3


@dataclass(frozen=True)
class History:
    """Published results of a network on other datasets.

    Attributes:
        mean: mean over datasets of its standardised accuracy: how many standard deviations of the
            networks of the same table it is above their mean.
        spread: standard deviation between datasets; how alike its places are.
        datasets: number of datasets, each counted once.
        tables: names of the tables.
        domains: number of datasets of each domain.
    """

    mean: float
    spread: float
    datasets: int
    tables: tuple[str, ...]
    domains: Mapping[str, int]


def history_of(
    name: str,
    *,
    protocol: str = FINE_TUNING,
    without: Collection[str] = (),
    pages: Book | None = None,
) -> History | None:
    """Average the standardised accuracies of a network on other datasets.

    Args:
        name: any of the network's names.
        protocol: ``fine-tuning``, or ``frozen`` for heads on frozen features; scales and orders
            differ too much to be mixed.
        without: names of tables and datasets to leave out.
        pages: published numbers; those that acrank ships if None.

    Returns:
        The history; None where there are fewer than three datasets.

    Raises:
        PriorsError: the published numbers cannot be read.
    """
    pages = pages or book()
    places = defaultdict(list)
    tables = []
    for table in pages.tables.values():
        if table.protocol != protocol or table.name in without:
            continue
        found = dict(_places(table, canonical(name), without))
        if found:
            tables.append(table.name)
        for dataset, place in found.items():
            places[dataset].append(place)
    if len(places) < FEWEST_DATASETS:
        return None
    means = np.array([np.mean(found) for found in places.values()])
    domains: dict[str, int] = defaultdict(int)
    for dataset in places:
        domains[pages.domains[dataset]] += 1
    return History(
        mean=float(means.mean()),
        spread=float(means.std(ddof=1)),
        datasets=len(means),
        tables=tuple(sorted(tables)),
        domains=dict(sorted(domains.items())),
    )


def _places(table: Table, name: str, without: Collection[str]) -> Iterator[tuple[str, float]]:
    for dataset, values in table.values.items():
        if dataset not in without and name in values:
            place = standardised(values).get(name)
            if place is not None:
                yield dataset, place


def standardised(values: Mapping[str, float]) -> dict[str, float]:
    """Say how many standard deviations each network is above the mean of all of a dataset.

    Args:
        values: network -> accuracy.

    Returns:
        network -> place; empty for fewer than three networks, or if all are equal.
    """
    numbers = np.array(list(values.values()))
    if len(numbers) < FEWEST_MODELS or np.ptp(numbers) == 0:
        return {}
    places = (numbers - numbers.mean()) / numbers.std()
    return dict(zip(values, places.tolist(), strict=True))
