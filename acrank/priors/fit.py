"""Fit the prior: a mixed-effects model of standardised accuracies, in closed form.

The place of a network on a dataset is the normal score of its rank among the networks of the table:
unlike standardised accuracies it does not let one network that failed make all others look alike.
The mean place of network m in table t, over the n datasets of one group g of domains, is

    y = x'w_g + family + own + own_g + pool + table noise + dataset noise / sqrt(n)

with x the facts. All terms are normal: the weights w_g have a part that all groups share and one of
their own, ``own`` is the network's and ``own_g`` its own in a group, ``pool`` is the mean of the
networks that the table compares. The seven deviations are those of highest marginal likelihood on a
grid, one after the other until none moves, so that the fit is the same on every machine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy.stats import norm, rankdata

from acrank.priors.domains import GROUPS
from acrank.priors.features import FEATURES, features
from acrank.priors.history import FEWEST_MODELS
from acrank.priors.published import Array, Book, Fit

GRID = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
# What the weights are before any table, from the literature: larger networks do better; on natural
# images so do those of higher ImageNet accuracy (Kornblith et al. 2019), on medical images not (Ke
# et al. 2021, Raghu et al. 2019).
LITERATURE = {
    "natural": {"log_params": 0.3, "imagenet_top1": 0.3},
    "synthetic": {"log_params": 0.3},
    "medical": {"log_params": 0.3},
    "": {"log_params": 0.3, "imagenet_top1": 0.1},
}
# How far the means of tables' lists may lie apart.
POOL = 1.0


@dataclass(frozen=True)
class Cell:
    """The mean place of a network in a table over the datasets of one group of domains."""

    table: str
    group: str
    model: str
    place: float
    datasets: int


@dataclass(frozen=True)
class Deviations:
    """The deviations of the model's terms, in the unit of places."""

    weights: float = 0.2
    weights_of_group: float = 0.2
    family: float = 0.2
    own: float = 0.3
    own_of_group: float = 0.2
    table: float = 0.3
    dataset: float = 0.6


def cells_of(pages: Book, without: Collection[str] = ()) -> list[Cell]:
    """Average places by table, network and group; tables or datasets may be left out."""
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for table in pages.fine_tuned(without):
        for dataset, values in table.values.items():
            if dataset in without:
                continue
            group = GROUPS[pages.domains[dataset]]
            for model, place in normal_scores(values).items():
                found[table.name, group, model].append(place)
    return [Cell(*key, float(np.mean(places)), len(places)) for key, places in found.items()]


def normal_scores(values: Mapping[str, float]) -> dict[str, float]:
    """The normal score of each network's rank, standardised; empty if there is no order."""
    numbers = np.array(list(values.values()))
    if len(numbers) < FEWEST_MODELS or np.ptp(numbers) == 0:
        return {}
    scores = norm.ppf((rankdata(numbers) - 0.5) / len(numbers))
    return dict(zip(values, (scores / scores.std()).tolist(), strict=True))


@dataclass(frozen=True)
class Design:
    """Cells as arrays.

    Attributes:
        cells: the cells, N of them.
        y: places beyond what the literature says, (N,).
        counts: datasets of each, (N,).
        facts: facts of their networks, (N, P).
        families: families of their networks, (N, F).
        same_group: 1 where two are of one group of domains, (N, N).
        same_model: 1 where two are of one network, (N, N).
        same_pool: 1 where two are of one table and group, (N, N).
    """

    cells: list[Cell]
    y: Array
    counts: Array
    facts: Array
    families: Array
    same_group: Array
    same_model: Array
    same_pool: Array


def design_of(cells: list[Cell], pages: Book, families: tuple[str, ...]) -> Design:
    """Lay out cells as arrays."""
    rows = np.array([features(pages.facts[cell.model], families)[0] for cell in cells])
    count = len(FEATURES)
    group, model, table = (
        np.array([getattr(cell, name) for cell in cells]) for name in ("group", "model", "table")
    )
    same_group = _same(group)
    facts = rows[:, :count]
    said = np.array([x @ literature(cell.group) for x, cell in zip(facts, cells, strict=True)])
    return Design(
        cells,
        np.array([cell.place for cell in cells]) - said,
        np.array([float(cell.datasets) for cell in cells]),
        facts,
        rows[:, count:],
        same_group,
        _same(model),
        _same(table) * same_group,
    )


def _same(labels: Array) -> Array:
    return np.asarray(labels[:, None] == labels[None, :], dtype=np.float64)


def literature(group: str) -> Array:
    """The weights of facts before any table, (P,)."""
    return np.array([LITERATURE[group].get(name, 0.0) for name in FEATURES])


def covariance_of(design: Design, by: Deviations) -> Array:
    """The covariance of the cells' places, (N, N)."""
    facts = design.facts @ design.facts.T
    noise = np.diag(by.table**2 + by.dataset**2 / design.counts + 1e-6)
    return np.asarray(
        facts * (by.weights**2 + by.weights_of_group**2 * design.same_group)
        + by.family**2 * design.families @ design.families.T
        + design.same_model * (by.own**2 + by.own_of_group**2 * design.same_group)
        + POOL**2 * design.same_pool
        + noise
    )


def log_likelihood(design: Design, by: Deviations) -> float:
    """The log marginal likelihood of deviations, up to a constant."""
    total = covariance_of(design, by)
    _, log_determinant = np.linalg.slogdet(total)
    return float(-0.5 * (design.y @ np.linalg.solve(total, design.y) + log_determinant))


def best_deviations(design: Design) -> Deviations:
    """Climb the grid, one deviation after the other, until none moves."""
    best = Deviations()
    while True:
        before = best
        for name in (one.name for one in fields(Deviations)):
            tried = [replace(best, **{name: value}) for value in GRID]
            best = max(tried, key=lambda by: round(log_likelihood(design, by), 6))
        if best == before:
            return best


def families_of(cells: list[Cell], pages: Book) -> tuple[str, ...]:
    """The families of the cells' networks, in order."""
    return tuple(sorted({pages.facts[cell.model].family or "" for cell in cells}))


def refitted(
    pages: Book, without: Collection[str] = (), by: Deviations | None = None
) -> tuple[Book, Deviations]:
    """Learn the prior of a book again.

    Args:
        pages: its tables.
        without: tables and datasets to leave out.
        by: deviations of an earlier fit to keep, which saves most of the time; None fits them.

    Returns:
        The book with its new prior, and the deviations.
    """
    cells = cells_of(pages, without)
    families = families_of(cells, pages)
    fits, by = fitted(cells, pages, families, by)
    return replace(pages, families=families, fits=fits), by


def fitted(
    cells: list[Cell], pages: Book, families: tuple[str, ...], by: Deviations | None = None
) -> tuple[dict[str, Fit], Deviations]:
    """Fit the prior for each group of domains, and for an unknown one (``""``)."""
    design = design_of(cells, pages, families)
    by = by or best_deviations(design)
    precision = np.asarray(np.linalg.inv(covariance_of(design, by)), dtype=np.float64)
    groups = ("", *sorted(set(GROUPS.values())))
    return {group: _fit(design, by, precision, group) for group in groups}, by


def _fit(design: Design, by: Deviations, precision: Array, group: str) -> Fit:
    inside = np.array([float(cell.group == group) for cell in design.cells])
    shared = by.weights**2 + by.weights_of_group**2 * inside
    # covariance of weights of facts and families with the cells' places, (P + F, N)
    cross = np.hstack([design.facts * shared[:, None], design.families * by.family**2]).T
    count = design.facts.shape[1]
    prior = np.diag(
        [by.weights**2 + by.weights_of_group**2] * count + [by.family**2] * design.families.shape[1]
    )
    before = np.concatenate([literature(group), np.zeros(design.families.shape[1])])
    mean = before + cross @ precision @ design.y
    covariance = prior - cross @ precision @ cross.T
    rows = np.hstack([design.facts, design.families])
    own = by.own**2 + by.own_of_group**2
    offsets = {}
    for place, cell in enumerate(design.cells):
        x = rows[place]
        with_cells = x @ cross + design.same_model[place] * (
            by.own**2 + by.own_of_group**2 * inside
        )
        expected = float(x @ before + with_cells @ precision @ design.y)
        variance = float(x @ prior @ x + own - with_cells @ precision @ with_cells)
        offsets[cell.model] = (expected, float(np.sqrt(max(variance, 0.0))))
    return Fit(mean, covariance, dict(sorted(offsets.items())), float(np.sqrt(own)))
