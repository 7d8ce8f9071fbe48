"""Do the intervals of feature scores cover: random parts against the classical bootstrap.

From a large pool of one network's features, many samples of the usual size are drawn. A score's
target is its mean over them. Each sample gives an interval in two ways: Student's from random
three quarters without replacement, as acrank does it, and percentiles of the bootstrap with
replacement.
Reported are how often they hold the target, how wide they are, and how far the mean of the
replicates lies from the sample's own value, in standard deviations over samples.

    acrank score --data FOLDER --model NAME ... --samples 2000 --features POOL --metric log_me
    python benchmarks/resampling.py POOL --csv benchmarks/resampling.csv
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from acrank.cache.features import read_features
from acrank.metrics import METRICS
from acrank.metrics.estimate import Estimate
from acrank.metrics.feature_set import Array, FeatureSet, as_feature_set
from acrank.metrics.guards import collect_guards
from acrank.metrics.resampling import Rows, subsamples
from acrank.ranking.statistics import interval

SCORES = (
    *("log_me", "h_score_regularised", "knn", "parc", "gbc", "leep", "nce", "sfda"),
    *("etran_lda", "ncti_vc", "ncti_seli", "ncti_ncc"),
)
COLUMNS = ("model", "metric", "images", "pool", "kind", "coverage", "width", "shift")


def main() -> None:
    """Measure every model in a folder of features."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool", type=Path)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--replicates", type=int, default=50)
    arguments = parser.parse_args()
    with arguments.csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for result, extracted in read_features(arguments.pool)[0]:
            pool = as_feature_set(extracted.features, extracted.labels, extracted.source_probs)
            for row in _rows(pool, arguments):
                writer.writerow({"model": result.model, **row})
                print(result.model, *row.values(), flush=True)


def _rows(pool: FeatureSet, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    generator = np.random.default_rng(0)
    names = [name for name in SCORES if not METRICS[name].needs or pool.source_probs is not None]
    found: dict[tuple[str, str], list[Array]] = {}
    for sample in range(arguments.samples):
        data = pool.take(_stratified(pool, arguments.images, generator))
        copies = [_with_copies(data, generator) for _ in range(arguments.replicates)]
        parts = subsamples(data.labels, arguments.replicates, sample)
        for name in names:
            value = _score(name, data)
            for kind, draws in (("parts", parts), ("bootstrap", copies)):
                repeated = [_score(name, data.take(rows)) for rows in draws]
                found.setdefault((name, kind), []).append(np.array([value, *repeated]))
    for (name, kind), values in found.items():
        yield {
            "metric": name,
            "images": arguments.images,
            "pool": len(pool),
            "kind": kind,
            **_judge(np.array(values), kind, arguments.images / len(pool)),
        }


def _stratified(pool: FeatureSet, images: int, generator: np.random.Generator) -> Rows:
    """Rows of a sample with as many images of each class."""
    members = [np.flatnonzero(pool.labels == label) for label in range(pool.classes)]
    count = images // pool.classes
    return np.sort(np.concatenate([generator.permutation(rows)[:count] for rows in members]))


def _with_copies(data: FeatureSet, generator: np.random.Generator) -> Rows:
    """Rows drawn with replacement, stratified by class."""
    members = [np.flatnonzero(data.labels == label) for label in range(data.classes)]
    return np.sort(np.concatenate([generator.choice(rows, len(rows)) for rows in members]))


def _score(name: str, data: FeatureSet) -> float:
    with collect_guards():
        return float(METRICS[name].load()(data))


def _judge(values: Array, kind: str, share: float) -> dict[str, float]:
    """Coverage, mean width and shift; samples of a finite pool vary by less, and are widened."""
    estimates, repeated = values[:, 0], values[:, 1:]
    target, spread = estimates.mean(), estimates.std(ddof=1) / np.sqrt(1 - share)
    if kind == "parts":
        pairs = (Estimate(r[0], replicates=tuple(r[1:])) for r in values)
        bounds = np.array([interval(estimate) for estimate in pairs])
    else:
        bounds = np.quantile(repeated, [0.025, 0.975], axis=1).T
    drawn = target + (estimates - target) / np.sqrt(1 - share)
    moved = bounds + (drawn - estimates)[:, None]
    covered = (moved[:, 0] <= target) & (target <= moved[:, 1])
    return {
        "coverage": round(float(covered.mean()), 3),
        "width": round(float((bounds[:, 1] - bounds[:, 0]).mean()), 5),
        "shift": round(float((repeated.mean(axis=1) - estimates).mean() / spread), 2),
    }


if __name__ == "__main__":
    main()
