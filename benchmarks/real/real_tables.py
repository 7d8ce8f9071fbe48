"""The raw tables of the study as arrays: accuracies by seed, and predictors, higher is better.

A dataset is used if every candidate has the first seed there, and with as many seeds as every
candidate has: a study that was stopped is one with fewer datasets or seeds.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from cells import best_rates, read
from numpy.typing import NDArray
from targets import TARGETS

from acrank.experiments.validation.agreement import weighted_tau
from acrank.metrics.registry import METRICS

Array = NDArray[np.float64]

HERE = Path(__file__).resolve().parent
# A trial run keeps its tables apart from the committed ones.
TABLES = Path(os.environ.get("STUDY_TABLES", HERE))
RAW, RESULTS = TABLES / "raw", TABLES / "results"
COLLECTIONS = {target.name: target.collection for target in TARGETS}
# What is known before an image is seen, beside `params`, which is a metric.
PRIORS = ("imagenet_top1", "prior", "prior_domain")
# Scores that read the labels, and are repeated with labels that mean nothing.
SHUFFLED = ("log_me", "h_score_regularised", "knn", "linear_probe", "kite", "ac_corr")
ELSEWHERE = "accuracy on the other collections"
# Below this agreement between seeds there is little to predict.
LOW_CEILING = 0.5
TRIALS = 500


@dataclass(frozen=True)
class Truth:
    """What fine-tuning reached on a dataset.

    Attributes:
        models: names, n of them.
        seeds: test accuracy by seed, (S, n).
    """

    models: tuple[str, ...]
    seeds: Array

    @property
    def mean(self) -> Array:
        """Over the seeds, (n,)."""
        mean: Array = self.seeds.mean(axis=0)
        return mean

    @property
    def ceiling(self) -> float:
        """Mean weighted tau between two seeds; NaN where there is one."""
        pairs = list(itertools.combinations(self.seeds, 2))
        taus = [float(weighted_tau(one, other)) for one, other in pairs]
        return float(np.mean(taus)) if taus else float("nan")

    @property
    def noise(self) -> float:
        """Standard deviation of the accuracy between seeds, pooled over models; NaN for one."""
        return (
            float(np.sqrt(self.seeds.var(axis=0, ddof=1).mean())) if len(self.seeds) > 1 else np.nan
        )

    def attainable(self) -> tuple[float, float]:
        """What a score that knows the expected accuracies would reach against the seeds' mean.

        Expected accuracies are taken to be the means, shrunk by the share of their variance that
        is noise, and the noise normal and of one size for all models.

        Returns:
            Weighted tau, and points lost by taking the first.
        """
        noise = self.noise**2 / len(self.seeds)
        spread = float(self.mean.var(ddof=1))
        if not spread > noise:
            return float("nan"), float("nan")
        centre = self.mean.mean()
        expected = centre + np.sqrt(1 - noise / spread) * (self.mean - centre)
        generator = np.random.default_rng(0)
        drawn = expected + generator.normal(0, np.sqrt(noise), (TRIALS, len(expected)))
        taus = weighted_tau(np.tile(expected, (TRIALS, 1)), drawn)
        lost = drawn.max(axis=1) - drawn[:, expected.argmax()]
        return float(taus.mean()), 100 * float(lost.mean())


def read_truth() -> dict[str, Truth]:
    """Accuracies by dataset, of the candidates that have not learned from its collection."""
    cells = pd.read_csv(RAW / "cells.csv")
    own = set(pd.read_csv(RAW / "own.csv").itertuples(index=False, name=None))
    candidates = pd.read_csv(RAW / "candidates.csv")["model"]
    full = cells[cells["protocol"] == "full"]
    best = {pair: float(rate) for pair, (rate,) in best_rates(read(RAW / "cells.csv")).items()}
    pairs = zip(full["dataset"], full["model"], full["rate"], strict=True)
    full = full[[best.get((dataset, model)) == rate for dataset, model, rate in pairs]]
    truths = {}
    for dataset in COLLECTIONS:
        models = [model for model in candidates if (dataset, model) not in own]
        here = full[full["dataset"] == dataset].pivot(index="seed", columns="model", values="test")
        here = here.reindex(columns=models).sort_index().dropna()
        if len(here):
            truths[dataset] = Truth(tuple(models), here.to_numpy(np.float64))
    return truths


def read_predictors(truths: dict[str, Truth]) -> dict[str, dict[str, Array]]:
    """Predictors by name and dataset, each (n,) in the order of the truth's models."""
    table = pd.read_csv(RAW / "scores.csv")
    cells = pd.read_csv(RAW / "cells.csv")
    found: dict[str, dict[str, Array]] = {}
    for dataset, truth in truths.items():
        here = table[table["dataset"] == dataset]
        models = list(truth.models)
        right, wrong, probe = (
            here[here["run"] == k].set_index("model").reindex(models)
            for k in ("labels", "shuffled", "probe")
        )
        for name in (*METRICS, *PRIORS):
            values = directed(name, (probe if name.startswith("bn_probe") else right)[name])
            # published accuracies are of few; sorted by them, all others come last
            add(found, name, dataset, values, least=3 if name == "imagenet_top1" else 0)
        for name in SHUFFLED:
            add(found, f"{name}, labels shuffled", dataset, directed(name, wrong[name]))
        for protocol in sorted(set(cells["protocol"]) - {"full"}):
            some = cells[(cells["protocol"] == protocol) & (cells["dataset"] == dataset)]
            reached = some["val"] - 1e-6 * some["val_loss"]
            best = reached.groupby(some["model"]).max().reindex(models)
            add(found, NAMES[protocol], dataset, best.to_numpy(np.float64))
    found[ELSEWHERE] = elsewhere(truths)
    return found


NAMES = {
    "epochs1": "fine-tuning, 1 epoch of 9",
    "epochs3": "fine-tuning, 3 epochs of 9",
    "pixels64": "fine-tuning at 64 pixels",
}


def add(
    found: dict[str, dict[str, Array]], name: str, dataset: str, values: Array, least: int = 0
) -> None:
    """Add a predictor if most candidates have it and it differs; missing ones are lowest.

    Args:
        found: predictors by name and dataset.
        name: of this one.
        dataset: that it is on.
        values: (n,), NaN where it is missing.
        least: how many have to have it; 0 for more than half.
    """
    defined = np.isfinite(values)
    if defined.sum() < (least or len(values) // 2 + 1) or np.ptp(values[defined]) == 0:
        return
    low = values[defined].min() - max(float(np.ptp(values[defined])), 1e-9)
    found.setdefault(name, {})[dataset] = np.where(defined, values, low)


def directed(name: str, values: pd.Series) -> Array:
    """A score turned so that higher is better."""
    sign = 1.0 if name not in METRICS or METRICS[name].higher_is_better else -1.0
    directed: Array = sign * values.to_numpy(np.float64)
    return directed


def elsewhere(truths: dict[str, Truth]) -> dict[str, Array]:
    """Mean standardised accuracy of a network on datasets of other collections.

    Nobody has it of networks that are new; it stands for the history of known ones.
    """
    places = {
        d: dict(zip(t.models, (t.mean - t.mean.mean()) / t.mean.std(), strict=True))
        for d, t in truths.items()
    }
    found = {}
    for dataset, truth in truths.items():
        others = [p for d, p in places.items() if COLLECTIONS[d] != COLLECTIONS[dataset]]
        values = [[p[m] for p in others if m in p] for m in truth.models]
        if all(values):
            found[dataset] = np.array([np.mean(value) for value in values])
    return found
