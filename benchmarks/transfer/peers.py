"""AC-Norm, its peers and its controls: the same data, epochs and tries of the learning rate.

    python benchmarks/transfer/peers.py STUDY --csv benchmarks/transfer/raw/peers.csv

Every method tries every rate with the first seed; the best on the validation images is used for the
other seeds. ``compare_peers.py`` makes the tables and tests of it.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from controls import CONTROLS
from runner import run_all

METHODS = (
    *("full", "ac-norm", "head", "bn-only", "l2-sp"),
    *("delta", "bss", "stochnorm", "co-tuning"),
)
MODELS = ("demo-cifar10", "demo-rotation", "mobilenetv1_025_imagenet")
DATASETS = ("brain_tumor_mri", "sign_digits", "magnetic_tile")
RATES = (0.001, 0.003, 0.01, 0.03)
SEEDS = (1, 2)

Cell = tuple[dict[str, Any], dict[str, Any]]
Group = tuple[str, str, str]


def main() -> None:
    """Fine-tune, first to choose the rates and then with the further seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--datasets", nargs="+", default=DATASETS)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--methods", nargs="+", default=(*METHODS, *CONTROLS))
    arguments = parser.parse_args()
    groups = list(itertools.product(arguments.datasets, arguments.models, arguments.methods))
    compare(
        groups,
        lambda group, rate, seed: cell(arguments.study, *group, rate, seed),
        RATES,
        lambda cells: run_all(cells, arguments.csv, arguments.jobs),
    )


def compare(
    groups: Sequence[Group],
    cell: Callable[[Group, float, int], Cell],
    rates: Sequence[float],
    run: Callable[[list[Cell]], list[dict[str, str]]],
    measure: str = "accuracy",
) -> None:
    """Try every rate with the first seed, then the other seeds with the best.

    Args:
        groups: each a dataset, a model and a method.
        cell: of a group, a rate and a seed.
        rates: that every group tries.
        run: gives all rows that there are.
        measure: of the validation images, higher better.
    """
    rows = run([cell(group, rate, 0) for group in groups for rate in rates])
    chosen = best_rates(rows, measure)
    run([cell(g, chosen[g], seed) for g in groups if g in chosen for seed in SEEDS])


def cell(study: Path, dataset: str, model: str, method: str, lr: float, seed: int) -> Cell:
    """A fine-tuning: its name in the table, and its settings."""
    folder = study / "datasets" / dataset
    name = {"dataset": dataset, "model": model, "method": method, "lr": lr, "seed": seed}
    files = {"data": str(folder / "train"), "test": str(folder / "test")}
    settings = {k: v for k, v in name.items() if k != "dataset"}
    return name, {**settings, **files, "zoo": str(study / "zoo.yaml")}


def best_rates(rows: list[dict[str, str]], measure: str = "accuracy") -> dict[Group, float]:
    """By dataset, model and method, the rate that is best on the validation images."""
    tried = [row for row in rows if row["seed"] == "0" and not row["reason"]]
    tried.sort(key=lambda row: (float(row[f"val_{measure}"]), -float(row["val_loss"])))
    return {(row["dataset"], row["model"], row["method"]): float(row["lr"]) for row in tried}


if __name__ == "__main__":
    main()
