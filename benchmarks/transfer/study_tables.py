"""The study's raw tables as arrays: accuracies of every seed, and scores of one direction.

Four lists of candidates: of all architectures or of one, with the networks that were pretrained on
the dataset itself (``all``) or without them (``unseen``). A network without a score counts as its
worst, as a ranking lists it last.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from acrank.experiments.validation.agreement import weighted_tau
from acrank.metrics.registry import METRICS

Array = NDArray[np.float64]

HERE = Path(__file__).resolve().parent
# A trial run keeps its tables apart from the committed ones.
TABLES = Path(os.environ.get("STUDY_TABLES", HERE))
RAW, RESULTS = TABLES / "raw", TABLES / "results"
ZOOS = ("mixed, unseen", "mixed, all", "same architecture, all", "same architecture, unseen")
# Chosen on natural images, reported on medical and industrial ones.
CHOOSING = ("sign_digits", "cifar10")
REPORTING = ("brain_tumor_mri", "bccd_crops", "magnetic_tile")
DATASETS = (*CHOOSING, *REPORTING)
LOW_CEILING = 0.5
SATURATED = 0.97
# Of the noise of fine-tuning, for what a perfect score would reach.
TRIALS = 500
# Columns of SCORES.csv that are no scores.
NO_SCORES = ("dataset", "model", "chance")


@dataclass(frozen=True)
class Truth:
    """What fine-tuning reached on a dataset.

    Attributes:
        models: names, n of them.
        seeds: test accuracy by seed, (S, n), at the rate that was best on validation images.
        tried: validation accuracy with seed 0 by rate, (R, n), lowest rate first.
        tried_loss: likewise the loss.
    """

    models: tuple[str, ...]
    seeds: Array
    tried: Array
    tried_loss: Array

    @property
    def mean(self) -> Array:
        """Over the seeds, (n,)."""
        mean: Array = self.seeds.mean(axis=0)
        return mean

    @property
    def ceiling(self) -> float:
        """Mean weighted tau between two seeds."""
        pairs = itertools.combinations(self.seeds, 2)
        return float(np.mean([float(weighted_tau(one, other)) for one, other in pairs]))

    @property
    def attainable(self) -> float:
        """What a score that knows the expected accuracies would reach against the seeds' mean.

        The ceiling is between single seeds; scores are held against the mean of several. Expected
        accuracies are taken to be the means, shrunk by the share of their variance that is noise,
        and the noise normal with the variance that the seeds have, pooled over models.
        """
        count = len(self.seeds)
        noise = float(self.seeds.var(axis=0, ddof=1).mean()) / count
        spread = float(self.mean.var(ddof=1))
        if not spread > noise:
            return 0.0
        centre = self.mean.mean()
        expected = centre + np.sqrt(1 - noise / spread) * (self.mean - centre)
        generator = np.random.default_rng(0)
        drawn = expected + generator.normal(0, np.sqrt(noise), (TRIALS, len(expected)))
        return float(np.mean([float(weighted_tau(expected, found)) for found in drawn]))

    @property
    def counts(self) -> bool:
        """Whether the accuracies tell models apart: neither noise nor all near the top."""
        return self.ceiling >= LOW_CEILING and float(np.median(self.mean)) < SATURATED


def is_in(zoo: str, model: str) -> bool:
    """Whether a model belongs to a zoo."""
    return zoo.startswith("mixed") or model.startswith(("demo-", "study-"))


def own_pairs(raw: Path = RAW) -> set[tuple[str, str]]:
    """Datasets and the networks that were pretrained on them."""
    table = pd.read_csv(raw / "own.csv")
    return set(zip(table["dataset"], table["model"], strict=True))


def read_truth(zoo: str, measure: str = "accuracy", raw: Path = RAW) -> dict[str, Truth]:
    """Every dataset's accuracies."""
    cells = pd.read_csv(raw / "cells.csv")
    own = set() if zoo.endswith("all") else own_pairs(raw)
    truths = {}
    for dataset in (d for d in DATASETS if d in set(cells["dataset"])):
        here = cells[(cells["dataset"] == dataset) & cells["reason"].isna()]
        models = [
            model
            for model in dict.fromkeys(here["model"])
            if is_in(zoo, model) and (dataset, model) not in own
        ]
        found = [_of_model(here[here["model"] == model], measure) for model in models]
        columns = [np.array(part, dtype=np.float64).T for part in zip(*found, strict=True)]
        truths[dataset] = Truth(tuple(models), *columns)
    return truths


def _of_model(rows: pd.DataFrame, measure: str) -> tuple[Array, Array, Array]:
    """Test by seed at the best rate; validation accuracy and loss by rate, with seed 0."""
    first = rows[rows["seed"] == 0].sort_values("lr")
    order = np.lexsort((first["val_loss"], -first["val_accuracy"]))
    best = first["lr"].iloc[order[0]]
    test = rows[rows["lr"] == best].sort_values("seed")[f"test_{measure}"]
    return (
        test.to_numpy(np.float64),
        first["val_accuracy"].to_numpy(np.float64),
        first["val_loss"].to_numpy(np.float64),
    )


def read_scores(truths: dict[str, Truth], raw: Path = RAW) -> dict[str, dict[str, Array]]:
    """Scores by name and dataset, each (n,) in the order of the truth's models, higher better."""
    scores: dict[str, dict[str, Array]] = {}
    for name in ("SCORES.csv", "FORMS.csv"):
        table = pd.read_csv(raw / name)
        for dataset, truth in truths.items():
            for score, values in scores_of(table[table["dataset"] == dataset], truth).items():
                scores.setdefault(score, {})[dataset] = values
    return scores


def scores_of(table: pd.DataFrame, truth: Truth) -> dict[str, Array]:
    """Scores of one dataset, higher better; without those that most models have not."""
    scores = {}
    for name in (c for c in table.columns if c not in NO_SCORES):
        sign = 1.0 if name not in METRICS or METRICS[name].higher_is_better else -1.0
        found = table.set_index("model")[name].reindex(list(truth.models))
        values = sign * found.to_numpy(np.float64)
        if np.isfinite(values).sum() * 2 > len(values):
            scores[name] = worst_for_missing(values)
    return scores


def worst_for_missing(values: Array) -> Array:
    """Scores in which those that are undefined are below all others."""
    defined = np.isfinite(values)
    low = values[defined].min() - max(float(np.ptp(values[defined])), 1e-9)
    filled: Array = np.where(defined, values, low)
    return filled


def static_list(truths: dict[str, Truth]) -> dict[str, Array]:
    """Mean place of a model by accuracy on the other datasets: the best of lists that stay."""
    places = {
        dataset: dict(zip(truth.models, centred_ranks(truth.mean), strict=True))
        for dataset, truth in truths.items()
    }
    return {
        dataset: np.array(
            [
                np.mean([p[model] for d, p in places.items() if d != dataset and model in p] or [0])
                for model in truth.models
            ]
        )
        for dataset, truth in truths.items()
    }


def centred_ranks(values: Array) -> Array:
    """Ranks from -1 (worst) to 1, ties at their mean."""
    ranks = pd.Series(values).rank().to_numpy(np.float64)
    return 2 * (ranks - 1) / max(len(ranks) - 1, 1) - 1


def borda(parts: list[dict[str, Array]]) -> dict[str, Array]:
    """The mean rank of several scores on each dataset."""
    return {
        dataset: np.mean([centred_ranks(part[dataset]) for part in parts], axis=0)
        for dataset in parts[0]
        if all(dataset in part for part in parts)
    }
