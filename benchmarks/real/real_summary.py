"""Print the tables of the README from the committed results.

python benchmarks/real/real_summary.py
"""

from __future__ import annotations

import argparse
import math
from typing import Any

import pandas as pd
from left_out import EXPECTED
from real_evidence import RANDOM
from real_tables import ELSEWHERE, RESULTS

SHOWN = {
    EXPECTED: "`expected`",
    "log_me": "LogME",
    "h_score_regularised": "H-score, regularised",
    "linear_probe": "linear probe",
    "knn": "k-NN",
    "kite": "KITE",
    "bn_probe": "BatchNorm probe",
    "ac_corr": "AC-Corr",
    "ac_corr_zero": "its zero-drift value",
    "alpha_hat": "alpha-hat",
    "params": "parameters",
    "imagenet_top1": "ImageNet top-1, others last",
    "prior": "prior",
    "prior_domain": "prior for the domain",
    ELSEWHERE: ELSEWHERE,
    "fine-tuning, 1 epoch of 9": "1 epoch of 9, validation",
    "fine-tuning, 3 epochs of 9": "3 epochs of 9, validation",
    "fine-tuning at 64 pixels": "64 pixels, validation",
    "log_me, labels shuffled": "LogME, labels shuffled",
    "linear_probe, labels shuffled": "linear probe, labels shuffled",
    "kite, labels shuffled": "KITE, labels shuffled",
    RANDOM: RANDOM,
}


def main() -> None:
    """Print them."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    truth = pd.read_csv(RESULTS / "truth.csv")
    print(
        "| dataset | candidates, seeds | lowest, median, highest | best | deviation of seeds, of "
        "candidates | ceiling | attainable |\n|---|---|---|---|---|---|---|"
    )
    for row in truth.to_dict("records"):
        print(
            f"| {row['dataset']} | {row['models']}, {row['seeds']} | {number(row['lowest'])}, "
            f"{number(row['median'])}, {number(row['highest'])} | `{row['best']}` | "
            f"{number(row['deviation_of_seeds'], 3)}, {number(row['deviation_of_models'], 3)} | "
            f"{number(row['ceiling'])} | {number(row['attainable_tau'])} |"
        )
    means = pd.read_csv(RESULTS / "means.csv")
    means = means[means["datasets_that"] == "all"].set_index("predictor")
    print(
        "\n| predictor | datasets | weighted tau | lost by the first | by the best of three | "
        "seconds |\n|---|---|---|---|---|---|"
    )
    for name, label in SHOWN.items():
        if name in means.index:
            found: dict[str, Any] = {str(k): v for k, v in means.loc[name].items()}
            cells = [with_interval(found, s) for s in ("tau", "lost_first", "lost_of_three")]
            cost = number(found["seconds_a_model"], 1)
            print(f"| {label} | {found['datasets']} | {' | '.join(cells)} | {cost} |")
    expected = pd.read_csv(RESULTS / "expected.csv")
    print("\n| dataset | " + " | ".join(expected.columns[1:]) + " |")
    print("|---" * len(expected.columns) + "|")
    for row in expected.to_dict("records"):
        dataset, *values = row.values()
        print(f"| {dataset} | " + " | ".join(number(float(v)) for v in values) + " |")


def with_interval(row: dict[str, Any], name: str) -> str:
    """A mean and its interval."""
    digits = 2 if name == "tau" else 1
    low, high = (number(row[f"{name}_{end}"], digits) for end in ("low", "high"))
    return f"{number(row[name], digits)} ({low} to {high})"


def number(value: float, digits: int = 2) -> str:
    """A number; nothing where there is none."""
    return "" if math.isnan(value) else f"{value:.{digits}f}"


if __name__ == "__main__":
    main()
