"""The tables of an experiment: accuracies, how well seeds agree, and scores."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from acrank.experiments.benchmark.config import BenchmarkConfig
from acrank.experiments.benchmark.jobs import Outcome
from acrank.experiments.parts.base import Dataset
from acrank.experiments.validation.agreement import weighted_tau
from acrank.metrics.registry import METRICS
from acrank.ranking.kinds import set_apart
from acrank.results import Ranking, row_values
from acrank.tasks.registry import task_named
from acrank.utils.files import write_whole
from acrank.utils.serialise import csv_text, json_text


def best_rate(
    outcomes: Iterable[Outcome], dataset: str, model: str, config: BenchmarkConfig
) -> Outcome | None:
    """Return the fine-tuning with seed 0 that is best on validation images; None if all failed."""
    tried = [
        outcome
        for outcome in outcomes
        if (outcome.job.dataset, outcome.job.model, outcome.job.seed) == (dataset, model, 0)
        and not outcome.reason
    ]

    def quality(outcome: Outcome) -> tuple[float, float]:
        value, loss = outcome.val[config.measure], outcome.val["loss"]
        return (-math.inf if value is None else value, -(math.inf if loss is None else loss))

    return max(tried, key=quality, default=None)


def deviation(values: Sequence[float]) -> float | None:
    """Return the standard deviation over the seeds; None for a single seed."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


class Tables:
    """The accuracies of an experiment by seed, their means, and the ceiling of each dataset."""

    def __init__(
        self,
        config: BenchmarkConfig,
        datasets: Sequence[Dataset],
        names: Sequence[str],
        outcomes: Sequence[Outcome],
    ) -> None:
        self.config, self.datasets, self.outcomes = config, datasets, outcomes
        self.by_seed: dict[tuple[str, str], list[float]] = {}
        for dataset, model in itertools.product(datasets, names):
            best = best_rate(outcomes, dataset.name, model, config)
            values = [] if best is None else self._values(dataset.name, model, best.job.lr)
            if values:
                self.by_seed[dataset.name, model] = values
        self.accuracies = {key: float(np.mean(v)) for key, v in self.by_seed.items()}
        self.ceilings = {d.name: self._ceiling(d.name) for d in datasets}

    def _values(self, dataset: str, model: str, lr: float | None) -> list[float]:
        found = [
            (outcome.job.seed, outcome.test[self.config.measure])
            for outcome in self.outcomes
            if (outcome.job.dataset, outcome.job.model, outcome.job.lr) == (dataset, model, lr)
            and not outcome.reason
        ]
        return [value for _, value in sorted(found, key=lambda pair: pair[0]) if value is not None]

    def _ceiling(self, dataset: str) -> float:
        rows = [v for (name, _), v in self.by_seed.items() if name == dataset]
        whole = np.array([row for row in rows if len(row) == self.config.seeds]).T
        if len(whole) < 2 or whole.shape[1] < 2:
            return math.nan
        pairs = itertools.combinations(whole, 2)
        return float(np.mean([float(weighted_tau(one, other)) for one, other in pairs]))

    def write(self, output: Path) -> None:
        """Write ACCURACIES.csv, cells.csv and experiment.json."""
        columns = ("dataset", "model", "accuracy", "seeds", "deviation")
        rows = (
            {
                "dataset": dataset,
                "model": model,
                "accuracy": self.accuracies[dataset, model],
                "seeds": len(values),
                "deviation": deviation(values),
            }
            for (dataset, model), values in self.by_seed.items()
        )
        write_whole(output / "ACCURACIES.csv", csv_text(columns, rows))
        write_whole(output / "cells.csv", self._cells_csv())
        record = {
            "config": self.config.model_dump(mode="json"),
            "images": {d.name: list(d.images) for d in self.datasets},
            "volumes": {
                d.name: {**d.settled, "window": self.config.window}
                for d in self.datasets
                if d.settled
            },
            "ceilings": {k: None if math.isnan(v) else v for k, v in self.ceilings.items()},
            "seconds": round(sum(outcome.seconds for outcome in self.outcomes), 1),
        }
        write_whole(output / "experiment.json", json_text(record))

    def _cells_csv(self) -> str:
        measures = task_named(self.config.task).measure_keys
        columns = (
            *("dataset", "model", "lr", "seed"),
            *(f"val_{name}" for name in measures),
            *(f"test_{name}" for name in measures),
            *("seconds", "reason", "stopped"),
        )
        rows = (
            {
                "dataset": outcome.job.dataset,
                "model": outcome.job.model,
                "lr": outcome.job.config.highest_lr,
                "seed": outcome.job.seed,
                **{f"val_{name}": outcome.val.get(name) for name in measures},
                **{f"test_{name}": outcome.test.get(name) for name in measures},
                "seconds": round(outcome.seconds, 2),
                "reason": outcome.reason or None,
                "stopped": outcome.stopped or None,
            }
            for outcome in self.outcomes
        )
        return csv_text(columns, rows)


def not_compared(ranking: Ranking) -> frozenset[str]:
    """Return the models whose scores of norm affines are of other layers than BatchNorm.

    They are empty if no other model has BatchNorm, or with ``--norms mixed``.
    """
    if ranking.record.get("config", {}).get("norms") == "mixed":
        return frozenset()
    return set_apart([row.result for row in ranking.rows], ranking.metrics)


def scores_csv(rankings: Mapping[str, Ranking]) -> str:
    """Write the scores of every model on every dataset as CSV, one row each.

    Args:
        rankings: rankings by the same metrics, by dataset.
    """
    metrics = next(iter(rankings.values())).metrics
    columns = ("dataset", "model", *metrics)
    rows = (
        {"dataset": name, **{column: values[column] for column in columns[1:]}}
        for name, ranking in rankings.items()
        for values in _comparable(ranking)
    )
    return csv_text(columns, rows)


def _comparable(ranking: Ranking) -> Iterator[dict[str, Any]]:
    """Yield the scores of each model, without those that do not compare with the others'."""
    affine = [name for name in ranking.metrics if METRICS[name].of_norms]
    apart = not_compared(ranking)
    for row in ranking.rows:
        values = row_values(row, ranking.metrics)
        yield {**values, **(dict.fromkeys(affine) if row.result.model in apart else {})}
