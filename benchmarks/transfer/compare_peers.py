"""AC-Norm against its peers and controls: means, wins and paired tests.

    python benchmarks/transfer/compare_peers.py
    python benchmarks/transfer/compare_peers.py --tables benchmarks/segmentation --measure dice

Reads ``raw/peers.csv``, writes ``results/peers.csv`` (a row a dataset, backbone and method: mean
and deviation over the seeds at the rate that was best on validation images) and
``results/peers_tests.csv`` (each method against plain fine-tuning and against AC-Norm).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from peers import best_rates
from runner import read
from study_tables import TABLES

from acrank.experiments.validation.resampling import holm, signed_rank_test

KEYS = ["dataset", "model", "method"]
# What is tested, and what stands beside it.
BESIDE = {"accuracy": "auroc", "dice": "hd95"}


def main() -> None:
    """Write both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, default=TABLES, help="folder of raw/ and results/")
    parser.add_argument("--measure", choices=BESIDE, default="accuracy")
    arguments = parser.parse_args()
    measure, beside = arguments.measure, BESIDE[arguments.measure]
    settings = of_settings(read(arguments.tables / "raw" / "peers.csv"), measure, beside)
    results = arguments.tables / "results"
    results.mkdir(parents=True, exist_ok=True)
    settings.to_csv(results / "peers.csv", float_format="%.4f", lineterminator="\n")
    tests = [_against(settings[measure], rival) for rival in ("full", "ac-norm")]
    pd.concat(tests).to_csv(
        results / "peers_tests.csv", index=False, float_format="%.4f", lineterminator="\n"
    )


def of_settings(rows: list[dict[str, str]], measure: str, beside: str) -> pd.DataFrame:
    """Mean and deviation over the seeds by dataset, model and method, at the chosen rates."""
    chosen = best_rates(rows, measure)
    kept = pd.DataFrame(
        {
            **{key: row[key] for key in (*KEYS, "seed")},
            **{m: float(row[m] or "nan") for m in (f"test_{measure}", f"test_{beside}", "lr")},
        }
        for row in rows
        if not row["reason"] and chosen[_key(row)] == float(row["lr"])
    )
    return kept.groupby(KEYS, sort=False).agg(
        lr=("lr", "first"),
        seeds=("seed", "size"),
        **{
            measure: (f"test_{measure}", "mean"),
            "deviation": (f"test_{measure}", "std"),
            beside: (f"test_{beside}", "mean"),
        },
    )


def _key(row: dict[str, str]) -> tuple[str, str, str]:
    return row["dataset"], row["model"], row["method"]


def _against(accuracies: pd.Series[float], rival: str) -> pd.DataFrame:
    """Every method against one, over all pairs of a dataset and a backbone."""
    table = accuracies.unstack("method")
    rows = []
    for method in (m for m in table.columns if m != rival):
        both = table[[method, rival]].dropna()
        differences = (both[method] - both[rival]).to_numpy(np.float64)
        rows.append(
            {
                "method": method,
                "against": rival,
                "pairs": len(differences),
                "wins": int((differences > 0).sum()),
                "losses": int((differences < 0).sum()),
                "mean_difference": differences.mean(),
                "deviation": differences.std(ddof=1),
                "p": signed_rank_test(differences),
            }
        )
    corrected = holm([row["p"] for row in rows])
    return pd.DataFrame([{**row, "p_holm": p} for row, p in zip(rows, corrected, strict=True)])


if __name__ == "__main__":
    main()
