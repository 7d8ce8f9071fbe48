"""The figures of the study, each from the committed tables.

    python benchmarks/real/real_figures.py

Writes ``docs/images/real-truth.png``, ``real-scores.png`` and ``real-costs.png``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from real_evidence import RANDOM
from real_tables import HERE, RESULTS, TABLES, read_truth

from acrank.report.plotting import (
    ACCENT,
    INK,
    LINE,
    QUIET,
    SECOND,
    THIRD,
    new_figure,
    styled,
    to_file,
)
from acrank.utils.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOCS = Path(__file__).resolve().parents[2] / "docs"
IMAGES = TABLES / "images" if TABLES != HERE else DOCS / "images"
COLOURS = {
    "affine": SECOND,
    "features": ACCENT,
    "passes": THIRD,
    "prior": SECOND,
    "baseline": INK,
    "fine-tuning": INK,
}
# What the figure of costs names.
PRICED = {
    "log_me": "LogME",
    "knn": "k-NN",
    "linear_probe": "linear probe",
    "bn_probe": "BatchNorm probe",
    "ac_corr": "AC-Corr",
    "fine-tuning, 1 epoch of 9": "1 epoch of 9",
    "fine-tuning, 3 epochs of 9": "3 epochs of 9",
    "fine-tuning at 64 pixels": "64 pixels",
}


def truth() -> Figure:
    """Accuracies of every candidate, mean and seeds, by dataset."""
    found = read_truth()
    columns = min(4, len(found))
    rows = -(-len(found) // columns)
    figure = new_figure(900, 230 * rows + 40)
    places = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for axes in places[len(found) :]:
        axes.set_visible(False)
    for axes, (name, here) in zip(places, found.items(), strict=False):
        order = np.argsort(-here.mean)
        for seed in here.seeds:
            axes.plot(seed[order], ".", color=QUIET, markersize=4, alpha=0.6)
        groups = np.array([group(model) for model in here.models])[order]
        for label, colour in GROUPS.items():
            chosen = groups == label
            x = np.arange(len(order))[chosen]
            axes.plot(x, here.mean[order][chosen], "o", color=colour, markersize=5, label=label)
        several = f", ceiling {here.ceiling:.2f}" if len(here.seeds) > 1 else ", one seed"
        axes.set_title(f"{name}{several}", fontsize=10)
        axes.set_xticks([])
    places[0].legend(fontsize=7, loc="lower left")
    figure.supylabel("test accuracy", fontsize=10)
    figure.supxlabel("candidates by accuracy; small dots: seeds", fontsize=10)
    return figure


GROUPS = {"ImageNet": ACCENT, "descendant of Lite 0": SECOND, "other": THIRD, "control": INK}


def group(model: str) -> str:
    """What a candidate is."""
    if model.endswith(("untrained", "shuffled")):
        return "control"
    if model.startswith("lite0-"):
        return "descendant of Lite 0"
    return "ImageNet" if model.startswith("tf_") or model.endswith("imagenet") else "other"


def scores() -> Figure:
    """Every predictor by what it agrees with, and by what following it loses."""
    means = pd.read_csv(RESULTS / "means.csv")
    means = means[means["datasets_that"] == "all"].set_index("predictor")
    means = means[means["datasets"] == means["datasets"].max()]
    chance = means.loc[RANDOM]
    rows = means.drop(index=RANDOM).sort_values("tau")
    figure = new_figure(900, 18 * len(rows) + 90)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    dots(left, rows, "tau", "mean weighted tau", float(chance["tau"]))
    dots(
        right,
        rows,
        "lost_of_three",
        "points lost by the best of the first three",
        float(chance["lost_of_three"]),
    )
    left.set_yticks(range(len(rows)), rows.index, fontsize=8)
    left.set_ylim(-1, len(rows))
    return figure


def dots(axes: Axes, rows: pd.DataFrame, column: str, label: str, chance: float) -> None:
    """Means with their intervals over datasets."""
    for place, (_, row) in enumerate(rows.iterrows()):
        colour = COLOURS.get(str(row["kind"]), QUIET)
        axes.hlines(place, row[f"{column}_low"], row[f"{column}_high"], color=colour, lw=1)
        axes.plot(row[column], place, "o", color=colour, markersize=4)
    axes.axvline(chance, color=LINE, linestyle="--")
    axes.set_xlabel(label)


def costs() -> Figure:
    """What a predictor is worth by what it costs."""
    means = pd.read_csv(RESULTS / "means.csv")
    means = means[means["datasets_that"] == "all"].set_index("predictor")
    figure = new_figure(620, 380)
    axes = figure.subplots()
    for name, label in PRICED.items():
        row = means.reindex([name]).iloc[0]
        if np.isfinite(row["seconds_a_model"]):
            x, colour = row["seconds_a_model"], COLOURS.get(str(row["kind"]), QUIET)
            axes.vlines(x, row["tau_low"], row["tau_high"], color=colour, lw=1)
            axes.plot(x, row["tau"], "o", color=colour, markersize=5)
            axes.annotate(
                label, (x, row["tau"]), xytext=(5, 4), textcoords="offset points", fontsize=9
            )
    axes.set_xscale("log")
    axes.set_xlabel("seconds of one thread a model")
    axes.set_ylabel("mean weighted tau")
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {"truth": truth, "scores": scores, "costs": costs}


def main() -> None:
    """Draw all figures."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, draw in FIGURES.items():
        with styled():
            figure = draw()
            figure.set_layout_engine("constrained")
            write_whole(IMAGES / f"real-{name}.png", to_file(figure, ".png"))


if __name__ == "__main__":
    main()
