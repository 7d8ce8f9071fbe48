"""Learning rates of the backbone and the head: which are usual.

    python benchmarks/transfer/rates.py STUDY --csv benchmarks/transfer/raw/rates.csv

Plain fine-tuning of three networks.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

from runner import run_all

DATASETS = ("sign_digits",)
MODELS = ("demo-cifar10", "demo-untrained", "mobilenetv1_025_vww")
RATES = (0.003, 0.01, 0.03, 0.1)
FACTORS = (1, 3, 10)


def main() -> None:
    """Fine-tune with every pair of rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--datasets", nargs="+", default=DATASETS)
    parser.add_argument("--models", nargs="+", default=MODELS)
    arguments = parser.parse_args()
    cells = [
        (
            {"dataset": dataset, "model": model, "lr": rate, "head_lr_factor": factor},
            {
                "data": str(arguments.study / "datasets" / dataset / "train"),
                "test": str(arguments.study / "datasets" / dataset / "test"),
                "zoo": str(arguments.study / "zoo.yaml"),
                "model": model,
                "lr": rate,
                "head_lr_factor": factor,
            },
        )
        for dataset, model, rate, factor in itertools.product(
            arguments.datasets, arguments.models, RATES, FACTORS
        )
    ]
    run_all(cells, arguments.csv, arguments.jobs)


if __name__ == "__main__":
    main()
