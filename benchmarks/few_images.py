"""Do the intervals of feature scores cover where classes have few images.

Features are made: Gaussian classes about random means, so that the truth is known to any
precision. Two networks see the same images, each with features of its own. Without separation
the labels are random, and neither network is better. For many samples of the same layout the
script reports how often Student's interval from random parts of the sample holds the mean over
all samples, for one network and for the difference of the two, which is what ties and P(best)
rest on; and how wide the parts' standard error is beside the true standard deviation. ``plain``
counts a degree of freedom for each part, ``coverage`` one for each image beyond the first of
its class, where that is less.

    python benchmarks/few_images.py --csv benchmarks/few_images.csv
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from acrank.metrics import METRICS
from acrank.metrics.estimate import Estimate
from acrank.metrics.feature_set import Array, FeatureSet
from acrank.metrics.guards import collect_guards
from acrank.metrics.resampling import WIDEN, subsamples
from acrank.ranking.statistics import interval

SCORES = ("log_me", "h_score_regularised", "knn", "parc")
# Images of each class.
LAYOUTS: dict[str, list[int]] = {
    "32 x 1": [1] * 32,
    "32 x 2": [2] * 32,
    "32 x 3": [3] * 32,
    "32 x 4": [4] * 32,
    "32 x 8": [8] * 32,
    "2 x 2": [2] * 2,
    "2 x 3": [3] * 2,
    "4 x 4": [4] * 4,
    "2 x 16": [16] * 2,
    "31 x 2, 1 x 200": [2] * 31 + [200],
    "3 x 1, 29 x 4": [1] * 3 + [4] * 29,
    "8 x 1, 24 x 4": [1] * 8 + [4] * 24,
    "16 x 1, 16 x 4": [1] * 16 + [4] * 16,
    "8 x 1, 24 x 2": [1] * 8 + [2] * 24,
    "16 x 1, 16 x 2": [1] * 16 + [2] * 16,
}
COLUMNS = (
    *("layout", "channels", "separation", "metric", "samples", "plain", "coverage"),
    *("plain_difference", "coverage_difference", "error_ratio", "error_ratio_difference"),
)


def main() -> None:
    """Measure every layout, with random labels and with classes that can be told apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--replicates", type=int, default=50)
    parser.add_argument("--layout", choices=LAYOUTS, action="append")
    arguments = parser.parse_args()
    with arguments.csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for layout in arguments.layout or LAYOUTS:
            for separation in (0.0, 0.7):
                for row in _rows(layout, separation, arguments):
                    writer.writerow(row)
                    file.flush()
                    print(*row.values(), flush=True)


def _rows(
    layout: str, separation: float, arguments: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    counts, width = np.array(LAYOUTS[layout]), arguments.channels
    labels = np.repeat(np.arange(len(counts)), counts)
    means = separation * np.random.default_rng(0).normal(size=(2, len(counts), width))
    found: dict[str, list[Array]] = {name: [] for name in SCORES}
    for sample in range(arguments.samples):
        generator = np.random.default_rng([1, sample])
        noise = generator.normal(size=(2, len(labels), width))
        networks = [FeatureSet(means[i][labels] + noise[i], labels) for i in range(2)]
        parts = subsamples(labels, arguments.replicates, sample)
        for name in SCORES:
            scored = [
                [_score(name, data), *(_score(name, data.take(rows)) for rows in parts)]
                for data in networks
            ]
            found[name].append(np.array(scored))
    for name, scores in found.items():
        values = np.array(scores)
        one, both = values[:, 0], values[:, 0] - values[:, 1]
        freedom = int((counts - 1).sum())
        first, second = _judge(one, freedom), _judge(both, freedom)
        yield {
            **{"layout": layout, "channels": width, "separation": separation, "metric": name},
            "samples": arguments.samples,
            **{key: first[key] for key in ("plain", "coverage", "error_ratio")},
            **{f"{key}_difference": value for key, value in second.items()},
        }


def _score(name: str, data: FeatureSet) -> float:
    with collect_guards():
        return float(METRICS[name].load()(data))


def _judge(values: Array, freedom: int) -> dict[str, float]:
    """Coverage of the mean over samples, with and without the limit on degrees of freedom."""
    estimates, parts = values[:, 0], values[:, 1:]
    spread, errors = estimates.std(ddof=1), WIDEN * np.nanstd(parts, axis=1, ddof=1)
    ratio = float(np.sqrt((errors**2).mean()) / spread) if spread else float("nan")
    return {
        "plain": round(_coverage(values, None), 3),
        "coverage": round(_coverage(values, freedom), 3) if freedom else float("nan"),
        "error_ratio": round(ratio, 3),
    }


def _coverage(values: Array, freedom: int | None) -> float:
    """How often the interval of a sample holds the mean over all; none where there is none."""
    target = values[:, 0].mean()
    held = []
    for value, *parts in values.tolist():
        bounds = interval(Estimate(value, replicates=tuple(parts), freedom=freedom))
        held.append(bounds is not None and bounds[0] <= target <= bounds[1])
    return float(np.mean(held))


if __name__ == "__main__":
    main()
