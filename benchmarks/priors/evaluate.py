"""Leave out one table after the other, and see what orders its networks.

    python benchmarks/priors/evaluate.py

Writes benchmarks/priors/results/left_out.csv. Everything that is learned (weights, deviations,
history) is learned of the other tables; ``strict`` also leaves out every dataset of the table.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from acrank.experiments.validation.agreement import Array, weighted_tau
from acrank.experiments.validation.resampling import (
    means_over_datasets,
    nan_mean,
    percentile_interval,
    resamples,
)
from acrank.priors import history_of
from acrank.priors.domains import GROUPS
from acrank.priors.fit import cells_of, normal_scores, refitted
from acrank.priors.prior import _expected
from acrank.priors.published import Book, Table, book

RESULTS = Path(__file__).parent / "results" / "left_out.csv"
DRAWS, SEED = 2000, 0
# Fewer networks than this have no order worth a number.
FEWEST = 4
MEDICAL = {domain for domain, group in GROUPS.items() if group == "medical"}
# (dataset, network) -> what a predictor says; None where it says nothing.
Says = Callable[[str, str], float | None]


def predictors(pages: Book, table: Table) -> Iterator[tuple[str, Says]]:
    """Yield every predictor with the table left out."""
    for name, without in (("", (table.name,)), (" strict", (table.name, *table.values))):
        left, _ = refitted(pages, without)
        yield f"prior{name}", partial(_prior, left, True)
        if not name:
            yield "prior, domain not told", partial(_prior, left, False)
        yield f"history{name}", partial(_history, pages, without)
    yield "parameters", lambda d, m: pages.facts[m].params_m
    yield "ImageNet top-1", lambda d, m: pages.facts[m].imagenet_top1
    yield "ImageNet-R", lambda d, m: pages.facts[m].imagenet_r
    places = {dataset: normal_scores(values) for dataset, values in table.values.items()}
    yield "its own other datasets", lambda d, m: _others(places, d, m)


def _prior(left: Book, told: bool, dataset: str, model: str) -> float | None:
    group = GROUPS[left.domains[dataset]] if told else ""
    return _expected(model, left.facts[model], group, left).mean


def _history(pages: Book, without: tuple[str, ...], _: str, model: str) -> float | None:
    found = history_of(model, without=without, pages=pages)
    return found.mean if found else None


def _others(places: Mapping[str, Mapping[str, float]], dataset: str, model: str) -> float | None:
    found = [row[model] for name, row in places.items() if name != dataset and model in row]
    return float(np.mean(found)) if found else None


@dataclass(frozen=True)
class Found:
    """The mean weighted tau of a predictor over datasets, and draws of it, (DRAWS,)."""

    tau: float
    draws: Array

    def interval(self) -> tuple[float, float]:
        """The 95 % interval, networks and datasets drawn anew."""
        return percentile_interval(self.draws)


def tau_of(table: Table, says: Says, models: tuple[str, ...]) -> Found | None:
    """How a predictor orders some networks of a table; None where it tells none apart."""
    found, draws = [], []
    for dataset, values in table.values.items():
        here = tuple(model for model in models if model in values)
        if len(here) < FEWEST:
            continue
        taken = resamples(len(here), DRAWS, SEED)
        scores = np.array([says(dataset, model) for model in here], dtype=np.float64)
        truth = np.array([values[model] for model in here])
        found.append(float(weighted_tau(scores, truth)))
        draws.append(weighted_tau(scores[taken], truth[taken]))
    if not np.isfinite(found).any():
        return None
    return Found(float(nan_mean(np.array(found))), means_over_datasets(draws, SEED))


def covered(table: Table, says: Says) -> tuple[str, ...]:
    """The networks of a table that a predictor speaks of."""
    spoken = {m for d, row in table.values.items() for m in row if says(d, m) is not None}
    return tuple(sorted(spoken))


def lines(pages: Book) -> Iterator[dict[str, object]]:
    """Yield a line for each table and predictor, and then for each over several tables."""
    over: dict[tuple[str, str], list[tuple[Found, Found]]] = defaultdict(list)
    for table in pages.fine_tuned():
        every = dict(predictors(pages, table))
        count = len({model for row in table.values.values() for model in row})
        kind = "medical" if pages.domains[next(iter(table.values))] in MEDICAL else "natural"
        for name, says in every.items():
            models = covered(table, says)
            found = tau_of(table, says, models)
            beside = tau_of(table, every["prior"], models)
            if found is None:
                continue
            networks = f"{len(models)} of {count}"
            yield _line(table.name, name, f"{len(table.values)} datasets", networks, found, beside)
            if beside is not None:
                for where in (kind, "all"):
                    over[where, name].append((found, beside))
    for (where, name), pairs in sorted(over.items()):
        both = [_mean([pair[place] for pair in pairs]) for place in (0, 1)]
        yield _line(f"({where})", name, f"{len(pairs)} tables", "", both[0], both[1])


def _mean(found: list[Found]) -> Found:
    """The mean over tables, which are taken as they are."""
    return Found(
        float(np.mean([one.tau for one in found])), np.mean([one.draws for one in found], axis=0)
    )


def _line(
    table: str, name: str, size: str, networks: str, found: Found, beside: Found | None
) -> dict[str, object]:
    """Format a line; the difference is the prior's tau on the same networks less this one's."""
    low, high = found.interval()
    ahead: tuple[float, ...] = (np.nan,) * 3
    if beside is not None:
        ahead = (beside.tau - found.tau, *percentile_interval(beside.draws - found.draws))
    numbers = (found.tau, low, high, *ahead)
    columns = ("tau", "low", "high", "prior_ahead", "ahead_low", "ahead_high")
    digits = {key: _digits(value) for key, value in zip(columns, numbers, strict=True)}
    return {"table": table, "predictor": name, "of": size, "networks": networks, **digits}


def _digits(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else ""


def calibration(pages: Book) -> str:
    """Say how far places of left-out networks lie from the prior, in its own deviations."""
    ratios: list[float] = []
    for table in pages.fine_tuned():
        left, by = refitted(pages, (table.name,))
        cells = [cell for cell in cells_of(pages) if cell.table == table.name]
        for group in {cell.group for cell in cells}:
            here = [cell for cell in cells if cell.group == group]
            priors = [_expected(c.model, left.facts[c.model], group, left) for c in here]
            off = np.array([c.place - (p.mean or 0.0) for c, p in zip(here, priors, strict=True)])
            noise = [by.table**2 + by.dataset**2 / cell.datasets for cell in here]
            wide = [(p.deviation or 0.0) ** 2 + n for p, n in zip(priors, noise, strict=True)]
            ratios += ((off - off.mean()) / np.sqrt(wide)).tolist()
    found = np.abs(ratios)
    return (
        f"{len(found)} places of left-out tables: {np.mean(found < 1):.0%} within one deviation, "
        f"{np.mean(found < 1.96):.0%} within 1.96"
    )


def main() -> None:
    """Write the table of results."""
    found = list(lines(book()))
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    print(calibration(book()))


if __name__ == "__main__":
    main()
