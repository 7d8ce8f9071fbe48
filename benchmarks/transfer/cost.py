"""Seconds a model that scores cost, in units of one AC-Corr step on the same images.

    python benchmarks/transfer/cost.py STUDY

Writes ``results/costs.csv``. Groups of scores are run one after the other, in rounds, over the
study's zoo. A run always has AC-Corr in it, so a score's cost is that of both.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
from evidence import kind_of
from study_tables import RAW, RESULTS

import acrank
from acrank.metrics.metric import CLASSIFICATION
from acrank.metrics.registry import METRICS

DATASET = "cifar10"
ROUNDS = 3
# What each score needs a run of its own for; others share the pass over the features.
SETTINGS: dict[str, dict[str, Any]] = {
    "ac_corr": {},
    "epoch": {"steps": "epoch"},
    "ac_corr_shuffled": {"metrics": ["ac_corr_shuffled"]},
    "bn_probe": {"metrics": ["bn_probe"]},
    "gradient_ratio": {"metrics": ["gradient_ratio"]},
    "features": {"metrics": ["log_me"]},
    **{n: {"metrics": [n]} for n in ("nleep", "linear_probe", "knn", "parc", "sfda", "pactran")},
}


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--dataset", default=DATASET)
    parser.add_argument("--models", nargs="*", default=[], help="of the zoo; all if none is given")
    arguments = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in SETTINGS}
    data = arguments.study / "datasets" / arguments.dataset / "train"
    common = {"zoo": str(arguments.study / "zoo.yaml"), "models": arguments.models}
    for _ in range(arguments.rounds):
        for name, settings in SETTINGS.items():
            run = {**common, **settings, "threads": arguments.threads}
            seconds[name].append(scored(data, run))
            print(f"{name}: {seconds[name][-1]:.3f} s a model", flush=True)
    step = median(seconds["ac_corr"])
    found = {name: median(values) for name, values in seconds.items()}
    cells = pd.read_csv(RAW / "cells.csv")
    tuning = cells[cells["dataset"] == arguments.dataset]["seconds"].mean()
    rows = [{"score": n, "seconds": s, "steps": s / step} for n, s in expanded(found, tuning)]
    table = pd.DataFrame(rows)
    table["machine"] = f"{platform.processor() or platform.machine()}, {arguments.threads} threads"
    table.to_csv(RESULTS / "costs.csv", index=False, float_format="%.3f", lineterminator="\n")


def scored(data: Path, settings: dict[str, Any]) -> float:
    """Seconds a model of one run, results kept from earlier ones unused."""
    started = time.perf_counter()
    ranking = acrank.rank(str(data), trust_code=True, fresh=True, rank_by="ac_corr", **settings)
    return (time.perf_counter() - started) / len(ranking.rows)


def expanded(found: dict[str, float], tuning: float) -> list[tuple[str, float]]:
    """Every score with its cost: features share a pass, fine-tunings were timed in the study."""
    known = [m for m, metric in METRICS.items() if CLASSIFICATION in metric.tasks]
    scores = [m for m in known if kind_of(m) in ("features", "affine")]
    rows = [(m, found.get(m, found["features"])) for m in scores if m not in SETTINGS]
    rows = [(m, found["ac_corr"] if kind_of(m) == "affine" else s) for m, s in rows]
    rows += [(name, s) for name, s in found.items() if name in METRICS]
    rows += [("sum_epoch_lr0.01", found["epoch"])]
    rows += [
        (f"one fine-tuning, {which} rate", tuning) for which in ("lowest", "middle", "highest")
    ]
    return [*rows, ("one fine-tuning, best of three rates", 3 * tuning)]


if __name__ == "__main__":
    main()
