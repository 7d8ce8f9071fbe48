"""Whether bf16 leaves the ranking as fp32 has it: weighted Kendall tau on the demo zoo.

    python benchmarks/bf16_ranking.py --csv benchmarks/bf16_ranking.csv --data demo FOLDER ...

The arithmetic is bf16's on any machine; where the hardware lacks it, it is emulated and slow.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from scipy.stats import weightedtau

import acrank

METRICS = ("ac_corr", "ac_corr_channel")


def main() -> None:
    """Rank each dataset in both precisions at two learning rates and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--data", nargs="+", default=["demo"])
    parser.add_argument("--lr", nargs="+", type=float, default=[0.01, 0.1])
    arguments = parser.parse_args()
    rows = []
    for data in arguments.data:
        for lr in arguments.lr:
            rows += compare(data, lr)
            print(*rows[-len(METRICS) :], sep="\n", flush=True)
    with arguments.csv.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def compare(data: str, lr: float) -> list[dict[str, object]]:
    """One row a metric."""
    fp32, bf16 = (scores(data, lr, precision) for precision in ("fp32", "bf16"))
    return [
        {
            "data": Path(data).name,
            "lr": lr,
            "metric": metric,
            "models": len(fp32),
            "weighted_tau": round(tau(fp32, bf16, metric), 4),
            "largest_relative_difference": f"{largest(fp32, bf16, metric):.2e}",
        }
        for metric in METRICS
    ]


def scores(data: str, lr: float, precision: str) -> dict[str, dict[str, float]]:
    """The scores of every ranked model of the demo zoo."""
    ranking = acrank.rank(data, "demo", lr=lr, precision=precision, rank_by="ac_corr")
    return {
        row.result.model: {metric: row.result.value(metric) for metric in METRICS}
        for row in ranking.rows
        if row.rank
    }


def tau(a: dict[str, dict[str, float]], b: dict[str, dict[str, float]], metric: str) -> float:
    """Scipy's weighted tau of two score lists over the same models."""
    names = list(a)
    return float(
        weightedtau([a[n][metric] for n in names], [b[n][metric] for n in names]).statistic
    )


def largest(a: dict[str, dict[str, float]], b: dict[str, dict[str, float]], metric: str) -> float:
    """The largest relative difference between two score lists."""
    return max(abs(b[name][metric] / a[name][metric] - 1) for name in a)


if __name__ == "__main__":
    main()
