"""Seconds and peak memory of every metric of features, on one thread and on two.

Each measurement is a process of its own, with the threads of the linear algebra set before it
starts. Features are drawn with a class signal, rectified and mixed, as a network's last layer; they
are float64, as the metrics compute. The set ``together`` is what users of LogME, H-score and
TransRate would run; the sum over all shows what ``--metric all`` adds to a model.

    python benchmarks/metric_speed.py --csv benchmarks/metric_speed.csv
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import process

from acrank.metrics import METRICS
from acrank.metrics.feature_set import Array, FeatureSet, as_feature_set
from acrank.metrics.guards import collect_guards
from acrank.metrics.metric import CLASSIFICATION

SIZES = {"large": (5000, 2048, 100), "small": (256, 2048, 10)}
SOURCE_CLASSES = 1000
TOGETHER = ("log_me", "h_score", "transrate")
COLUMNS = ("metric", "images", "channels", "classes", "threads", "seconds", "peak_mb", "machine")


def main() -> None:
    """Measure all metrics at all sizes, or one (``--one``) in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--metrics", nargs="+", default=[*_functions(), "together", "all"])
    parser.add_argument("--one", nargs=2, metavar=("SIZE", "METRIC"))
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(_measure(*arguments.one)))
        return
    with arguments.csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in _rows(arguments.metrics, arguments.threads):
            writer.writerow(row)
            file.flush()
            print(*row.values(), flush=True)


def _functions() -> list[str]:
    return [
        name
        for name, metric in METRICS.items()
        if metric.kind == "features" and CLASSIFICATION in metric.tasks
    ]


def _rows(metrics: list[str], threads: list[int]) -> Iterator[dict[str, Any]]:
    for size, (images, channels, classes) in SIZES.items():
        for metric in metrics:
            for count in threads:
                found = _in_a_process(size, metric, count)
                values = (metric, images, channels, classes, count, *found, _machine())
                yield dict(zip(COLUMNS, values, strict=True))


def _in_a_process(size: str, metric: str, threads: int) -> tuple[float, float]:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads))}
    command = [sys.executable, __file__, "--one", size, metric]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    seconds, peak = json.loads(done.stdout)
    return round(seconds, 3), round(peak, 1)


def _measure(size: str, metric: str) -> tuple[float, float]:
    """Seconds, and the process's peak memory above what it holds with the features, in MB."""
    warm, data = _draw(64, 32, 4), _draw(*SIZES[size])
    names = {"together": TOGETHER, "all": tuple(_functions())}.get(metric, (metric,))
    for name in names:  # imports
        with collect_guards():
            METRICS[name].load()(warm)
    before = process.reset_peak()
    started = time.perf_counter()
    for name in names:
        with collect_guards():
            METRICS[name].load()(data)
    seconds = time.perf_counter() - started
    return seconds, (process.status("VmHWM") - before) / 2**20


def _draw(images: int, channels: int, classes: int) -> FeatureSet:
    generator = np.random.default_rng(0)
    labels = np.arange(images) % classes
    means = generator.normal(size=(classes, channels)) * 0.3
    hidden = np.maximum(generator.normal(size=(images, channels)) + means[labels], 0)
    mixing = generator.normal(size=(channels, channels)) / np.sqrt(channels)
    logits = hidden @ generator.normal(size=(channels, SOURCE_CLASSES)) / np.sqrt(channels)
    data = as_feature_set(np.maximum(hidden @ mixing, 0), labels, _softmax(3 * logits))
    return replace(data, random_features=hidden)


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Array = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def _machine() -> str:
    return f"{process.processor()}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
