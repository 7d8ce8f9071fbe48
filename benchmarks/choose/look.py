"""Rank the candidates of every dataset and seed by ``acrank score``, on the training images.

    python benchmarks/choose/look.py STUDY --csv benchmarks/choose/raw/look.csv

Seconds are of the processor, of one thread, and of the whole ranking; what is in the file is not
repeated.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

from lay_out import PAIRS, Dataset
from oracle import Row, number, read
from recipe import settings

import acrank

COLUMNS = ("dataset", "seed", "rank", "model", "status", "score", "params_m", "seconds")
# What a ranking has of the recipe, beside the data: the rest is of fine-tuning.
SHARED = ("data", "zoo", "image_size", "patch", "seed", "precision", "threads", "trust_code")


def main() -> None:
    """Rank what is not in the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--csv", type=Path, required=True)
    given = parser.parse_args()
    done = {(row["dataset"], row["seed"]) for row in read(given.csv)}
    for dataset, seed in PAIRS:
        if (dataset.name, str(seed)) not in done:
            add(given.csv, look(dataset, seed, given.study))


def look(dataset: Dataset, seed: int, study: Path) -> list[Row]:
    """The rows of one ranking."""
    recipe = settings(dataset, seed, study)
    started = time.process_time()
    ranking = acrank.rank(**{k: recipe[k] for k in SHARED if k in recipe}, fresh=True)
    seconds = time.process_time() - started
    return [
        {
            "dataset": dataset.name,
            "seed": str(seed),
            "rank": "" if row.rank is None else str(row.rank),
            "model": row.result.model,
            "status": row.result.status,
            "score": number(row.score),
            "params_m": number(None if row.result.params is None else row.result.params / 1e6),
            "seconds": f"{seconds:.2f}",
        }
        for row in ranking.rows
    ]


def add(path: Path, rows: list[Row]) -> None:
    """Add rows to a CSV file."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
