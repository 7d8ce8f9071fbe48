"""Score every candidate on the training images of every dataset, and on the same with wrong labels.

    python benchmarks/real/score.py STUDY --csv raw/scores.csv --costs raw/score_costs.csv

In the run ``shuffled`` labels belong to images at random: what a score still tells then, it does
not tell by the labels. The run ``probe`` is the BatchNorm probe, which costs most. What is in the
file is not repeated. The priors are what ``acrank list-zoo --priors`` shows, with the domain of the
dataset and without. Costs are seconds of the processor, of one thread, on the first dataset.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from cells import RECIPE, read
from targets import TARGETS, Dataset

import acrank
from acrank.metrics.registry import METRICS
from acrank.priors import prior_of
from acrank.zoo import ZooEntry, read_zoo

# Runs, those that matter most first, and the scores of each.
RUNS: dict[str, tuple[str, ...]] = {
    "labels": ("all", "ac_corr_shuffled", "kite"),
    "shuffled": ("log_me", "h_score_regularised", "knn", "linear_probe", "kite", "ac_corr"),
    "probe": ("bn_probe", "bn_probe_accuracy"),
}
FACTS = ("imagenet_top1", "prior", "prior_deviation", "prior_domain", "history", "basis", "public")
COLUMNS = ("dataset", "run", "model", "status", "seconds", "reason", *FACTS, *METRICS)
COSTS = ("score", "seconds_a_model")
# What is timed, and the settings of the run; every run has AC-Corr in it.
TIMED: dict[str, tuple[str, ...]] = {
    "ac_corr": ("ac_corr",),
    "features": ("log_me",),
    "knn": ("knn",),
    "linear_probe": ("linear_probe",),
    "bn_probe": ("bn_probe",),
    "all": ("all",),
}


def main() -> None:
    """Score what is not in the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--costs", type=Path, help="timed too if it is given")
    parser.add_argument("--device", default="auto")
    names = [target.name for target in TARGETS]
    parser.add_argument("--datasets", nargs="*", choices=names, default=names)
    parser.add_argument("--runs", nargs="*", choices=RUNS, default=list(RUNS))
    given = parser.parse_args()
    run = {
        **{"zoo": str(given.study / "zoo.yaml"), "device": given.device, "fresh": True},
        **{k: RECIPE[k] for k in ("precision", "trust_code")},
        **{"threads": 1, "samples": 256, "batch_size": 32, "bootstrap": 0},
    }
    done = {(row["dataset"], row["run"]) for row in read(given.csv)}
    for name in given.runs:
        for target in (t for t in TARGETS if t.name in given.datasets):
            if (target.name, name) not in done:
                add(given.csv, COLUMNS, scored(target, name, given.study, run))
                print(target.name, name, flush=True)
    timed = {row["score"] for row in read(given.costs)} if given.costs else TIMED.keys()
    for name, metrics in TIMED.items():
        if name not in timed:
            data = given.study / "targets" / TARGETS[0].name / "train"
            started = time.process_time()
            ranking = acrank.rank(data, metrics=metrics, **run)
            seconds = (time.process_time() - started) / len(ranking.rows)
            add(given.costs, COSTS, [{"score": name, "seconds_a_model": f"{seconds:.3f}"}])


def scored(target: Dataset, name: str, study: Path, run: dict[str, Any]) -> list[dict[str, str]]:
    """A row for each candidate that has not learned from the dataset's collection."""
    folder = study / "targets" / target.name / "train"
    if name == "shuffled":
        folder = shuffled(folder, study / "shuffled" / target.name)
    own = {row["model"] for row in read(study / "own.csv") if row["dataset"] == target.name}
    entries = {e.name: e for e in read_zoo(str(study / "zoo.yaml")).entries if e.name not in own}
    ranking = acrank.rank(folder, models=tuple(entries), metrics=RUNS[name], **run)
    rows = []
    for ranked in ranking.rows:
        found = ranked.result
        row = {"dataset": target.name, "run": name, "model": found.model}
        row |= {"status": found.status, "seconds": f"{found.seconds:.2f}", "reason": found.reason}
        row |= {n: f"{v.value:.6g}" for n, v in found.scores.items() if n in METRICS}
        rows.append(row | known(entries[found.model], target))
    return rows


def known(entry: ZooEntry, target: Dataset) -> dict[str, str]:
    """What is known of a candidate before any image is seen."""
    plain, sharp = (prior_of(entry, domain) for domain in (None, target.domain))
    values = {
        "imagenet_top1": entry.imagenet_top1,
        "prior": plain.mean,
        "prior_deviation": plain.deviation,
        "prior_domain": sharp.mean,
        "history": plain.history.mean if plain.history else None,
    }
    return {k: "" if v is None else f"{v:.6g}" for k, v in values.items()} | {
        "basis": plain.basis,
        "public": str(int(plain.public)),
    }


def shuffled(folder: Path, place: Path) -> Path:
    """A copy of class folders in which images have the labels of others."""
    shutil.rmtree(place, ignore_errors=True)
    files = sorted(folder.glob("*/*.png"))
    order = np.random.default_rng(0).permutation(len(files))
    for file, other in zip(files, order, strict=True):
        label = files[other].parent.name
        (place / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place / label / f"{file.parent.name}-{file.name}")
    return place


def add(path: Path, columns: Sequence[str], rows: Iterable[dict[str, str]]) -> None:
    """Add rows to a CSV file; columns that they lack stay empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
