"""Draw how well the expectation is calibrated on tables that were left out, and how it orders.

    python benchmarks/expected/expected_figures.py

Writes docs/images/expected-calibration.png and expected-tau.png of benchmarks/expected/results/.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
RESULTS, IMAGES = HERE / "results", HERE.parents[1] / "docs" / "images"
BINS = [0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 1.0]
KINDS = ("known networks", "one architecture", "mixed", "masks", "volumes", "all")
SHOWN = (
    *("expected", "prior", "history", "LogME", "k-NN", "linear probe", "parameters"),
    *("ImageNet top-1", "AC-Corr"),
)


def calibration() -> None:
    """P(best) against how often it was the best, and points expected to be lost against lost."""
    found = pd.read_csv(RESULTS / "candidates.csv")
    choices = pd.read_csv(RESULTS / "choices.csv")
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2))
    parts = found.groupby(pd.cut(found.p_best, BINS, include_lowest=True), observed=True)
    said, came, count = parts.p_best.mean(), parts.best.mean(), parts.best.size()
    error = np.sqrt(came * (1 - came) / count)
    left.plot([0, 1], [0, 1], color="0.7", lw=1)
    left.errorbar(said, came, 1.96 * error, fmt="o", color="C0", capsize=3)
    for x, y, n in zip(said, came, count, strict=True):
        left.annotate(f"{n}", (x, y), xytext=(6, -10), textcoords="offset points", fontsize=8)
    most = max(float(said.max()), float((came + 2 * error).max())) * 1.05
    left.set(xlim=(0, most), ylim=(0, most), xlabel="P(best) that was said")
    left.set(ylabel="share that was the best", title="Probability of being the best")
    for color, kind in zip(("C0", "C1", "C2", "C3", "C4"), KINDS[:-1], strict=True):
        part = choices[choices.kind == kind]
        right.plot(part.lost_first, part.was_lost_first, "o", ms=4, color=color, label=kind)
    right.plot([0.01, 100], [0.01, 100], color="0.7", lw=1)
    right.set(xscale="symlog", yscale="symlog", xlim=(0, 60), ylim=(-0.1, 90))
    right.set(xlabel="points expected to be lost by the first", ylabel="points lost")
    right.set(title="A dot is a dataset of a left-out table")
    right.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(IMAGES / "expected-calibration.png", dpi=110)


def taus() -> None:
    """Weighted tau of every predictor by kind of pool, with intervals over tables and datasets."""
    found = pd.read_csv(RESULTS / "left_out.csv")
    found = found[found.drawn == "tables and datasets"]
    figure, panels = plt.subplots(1, len(KINDS), figsize=(12, 3.6), sharey=True)
    for panel, kind in zip(panels, KINDS, strict=True):
        here = found[found["where"] == kind].set_index("predictor")
        for place, name in enumerate(reversed(SHOWN)):
            if name not in here.index:
                continue
            row = here.loc[name]
            color = "C1" if name == "expected" else "C0"
            panel.plot([row.tau_low, row.tau_high], [place, place], color=color, lw=2)
            panel.plot(row.tau, place, "o", color=color)
        panel.axvline(0, color="0.8", lw=1)
        panel.set(title=kind, xlim=(-0.7, 1.02), xlabel="weighted tau")
        panel.set_yticks(range(len(SHOWN)), tuple(reversed(SHOWN)))
    figure.tight_layout()
    figure.savefig(IMAGES / "expected-tau.png", dpi=110)


if __name__ == "__main__":
    calibration()
    taus()
