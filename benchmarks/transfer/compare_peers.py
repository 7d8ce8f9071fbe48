"""AC-Norm against its peers and controls: means, wins and paired tests.

    python benchmarks/transfer/compare_peers.py

Reads ``raw/peers.csv``, writes ``results/peers.csv`` (a row a dataset, backbone and method: mean
and deviation over the seeds at the rate that was best on validation images) and
``results/peers_tests.csv`` (each method against plain fine-tuning and against AC-Norm).
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from peers import best_rates
from runner import read
from study_tables import RAW, RESULTS

from acrank.validation.resampling import holm, signed_rank_test

KEYS = ["dataset", "model", "method"]


def main() -> None:
    """Write both tables."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    rows = read(RAW / "peers.csv")
    chosen = best_rates(rows)
    kept = pd.DataFrame(
        {
            **{key: row[key] for key in (*KEYS, "seed")},
            **{m: float(row[m]) for m in ("test_accuracy", "test_auroc", "lr")},
        }
        for row in rows
        if not row["reason"] and chosen[_key(row)] == float(row["lr"])
    )
    settings = kept.groupby(KEYS, sort=False).agg(
        lr=("lr", "first"),
        seeds=("seed", "size"),
        accuracy=("test_accuracy", "mean"),
        deviation=("test_accuracy", "std"),
        auroc=("test_auroc", "mean"),
    )
    RESULTS.mkdir(parents=True, exist_ok=True)
    settings.to_csv(RESULTS / "peers.csv", float_format="%.4f", lineterminator="\n")
    tests = [_against(settings["accuracy"], rival) for rival in ("full", "ac-norm")]
    pd.concat(tests).to_csv(
        RESULTS / "peers_tests.csv", index=False, float_format="%.4f", lineterminator="\n"
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
