"""How well every score predicts the Dice of fine-tuned segmenters.

    python benchmarks/segmentation/mask_evidence.py

Reads ``raw/DATASET/cells.csv`` and ``SCORES.csv``, writes ``results/``: truth.csv (Dice and
ceilings), agreement.csv (every score on every dataset, with 95 % intervals over models) and
means.csv (over the datasets).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from evidence import STATISTICS, Agreement, agree, aim, chance, kind_of, mean_row, truth_row
from study_tables import Array, Truth, scores_of

from acrank.experiments.validation.resampling import percentile_interval

HERE = Path(__file__).resolve().parent
DATASETS = ("nuclei", "vessels", "hippocampus")
# Fine-tuned once with the first seed, and held against the other seeds.
ONCE = "one fine-tuning"


def main() -> None:
    """Write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, default=HERE, help="folder of raw/ and results/")
    tables = parser.parse_args().tables
    there = [name for name in DATASETS if (tables / "raw" / name).is_dir()]
    truths = {name: read_truth(tables / "raw" / name) for name in there}
    scores = {name: read_scores(tables / "raw" / name, truth) for name, truth in truths.items()}
    names = list(dict.fromkeys(score for found in scores.values() for score in found))
    found = {
        score: {
            d: agree(scores[d][score], aim(score, truths[d])) for d in truths if score in scores[d]
        }
        for score in names
    }
    truth_rows = [{"dataset": name, **truth_row(truth)} for name, truth in truths.items()]
    bands = [{"score": name, "kind": "chance", **band} for name, band in of_chance(truths)]
    rows = [
        {"score": score, "kind": kind_of(score), "dataset": dataset, **agreement_row(agreement)}
        for score, by_dataset in found.items()
        for dataset, agreement in by_dataset.items()
    ]
    means = [
        {"score": score, "kind": kind_of(score), **mean_row(by_dataset, list(truths), {})}
        for score, by_dataset in found.items()
    ]
    write(tables / "results" / "truth.csv", truth_rows)
    write(tables / "results" / "agreement.csv", rows)
    write(tables / "results" / "means.csv", [*means, *bands])


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write a table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False, float_format="%.4f", lineterminator="\n")


def read_truth(folder: Path) -> Truth:
    """Test Dice by seed, and validation Dice and loss of the first seed."""
    cells = pd.read_csv(folder / "cells.csv")
    cells = cells[cells["reason"].isna()].sort_values("seed", kind="stable")
    models = list(dict.fromkeys(cells["model"]))
    test = cells.pivot(index="seed", columns="model", values="test_dice")[models]
    first = cells[cells["seed"] == cells["seed"].min()].set_index("model").loc[models]
    tried, loss = (first[name].to_numpy(np.float64)[None] for name in ("val_dice", "val_loss"))
    return Truth(tuple(models), test.to_numpy(np.float64), tried, loss)


def read_scores(folder: Path, truth: Truth) -> dict[str, Array]:
    """Scores of a dataset, higher better, and one fine-tuning as a score."""
    scores = scores_of(pd.read_csv(folder / "SCORES.csv"), truth)
    return {**scores, ONCE: truth.tried[0] - 1e-6 * truth.tried_loss[0]}


def agreement_row(found: Agreement) -> dict[str, float]:
    """Statistics with their intervals."""
    row: dict[str, float] = {}
    for name in STATISTICS:
        low, high = percentile_interval(found.draws[name])
        row |= {name: found.value[name], f"{name}_low": low, f"{name}_high": high}
    return row


def of_chance(truths: Mapping[str, Truth]) -> list[tuple[str, dict[str, float]]]:
    """The range of lists that know nothing, on all datasets and on each."""
    parts = [(None, list(truths)), *((name, [name]) for name in truths)]
    return [
        (kind if name is None else f"{kind}, {name}", band)
        for name, counted in parts
        for kind, band in chance(truths, counted).items()
        if name is None or kind == "random list"
    ]


if __name__ == "__main__":
    main()
