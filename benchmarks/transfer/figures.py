"""The figures of the study, each from the committed tables by one command.

    python benchmarks/transfer/figures.py truth|scores|forms|budgets|peers

Writes ``docs/images/transfer-NAME.png``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from forms import EPOCH_RATES, RATES, RIDGE_RATES
from study_tables import DATASETS, HERE, RESULTS, TABLES, ZOOS, read_truth

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
    "relative": ACCENT,
    "baseline": INK,
    "control": QUIET,
    "fine-tuning": INK,
}
TAU = "mean weighted tau"
# What the figure of costs shows, and its names there.
PRICED = {
    "ac_corr": "AC-Corr",
    "sum_epoch_lr0.01": "AC-Corr, an epoch",
    "log_me": "LogME",
    "gbc": "GBC",
    "knn": "k-NN",
    "linear_probe": "linear probe",
    "bn_probe": "BatchNorm probe",
    "one fine-tuning, lowest rate": "one fine-tuning, 0.01",
    "one fine-tuning, best of three rates": "best of three rates",
}
# Of the fourth list of candidates no dataset counts.
TELLING = ZOOS[:3]
PLAIN = "full"


def truth() -> Figure:
    """Accuracies of every candidate, mean and seeds, by dataset."""
    found = read_truth("mixed, all")
    figure = new_figure(900, 330)
    for axes, name in zip(figure.subplots(1, len(found), sharey=True), found, strict=True):
        here = found[name]
        order = np.argsort(-here.mean)
        for seed in here.seeds:
            axes.plot(seed[order], ".", color=LINE, markersize=5)
        larger = np.array([not m.startswith(("demo-", "study-")) for m in here.models])[order]
        places = np.arange(len(order))
        axes.plot(places[~larger], here.mean[order][~larger], "o", color=ACCENT, markersize=4)
        axes.plot(places[larger], here.mean[order][larger], "D", color=SECOND, markersize=4)
        axes.set_title(f"{name}\nceiling {here.ceiling:.2f}", fontsize=10)
        axes.set_xticks([])
    figure.axes[0].set_ylabel("test accuracy")
    figure.supxlabel("candidates by accuracy; diamonds: other architectures", fontsize=10)
    return figure


def scores() -> Figure:
    """Every score: mean weighted tau with its interval, chance and the ceiling."""
    means = pd.read_csv(RESULTS / "means.csv")
    means = means[(means["measure"] == "accuracy") & (means["kind"] != "form")]
    figure = new_figure(1250, 640)
    for axes, zoo in zip(figure.subplots(1, len(TELLING)), TELLING, strict=True):
        here = means[(means["zoo"] == zoo) & means["weighted_tau"].notna()]
        _score_dots(axes, here, zoo)
    return figure


def _score_dots(axes: Axes, means: pd.DataFrame, zoo: str) -> None:
    chance = means[means["score"] == "random static list"].iloc[0]
    rows = means[means["kind"] != "chance"].sort_values("weighted_tau")
    axes.axvspan(chance["weighted_tau_low"], chance["weighted_tau_high"], color=LINE, alpha=0.5)
    counted = [t.ceiling for t in read_truth(zoo).values() if t.counts]
    axes.axvline(float(np.mean(counted)), color=QUIET, linestyle="--")
    for place, row in enumerate(rows.to_dict("records")):
        colour = COLOURS.get(row["kind"], QUIET)
        axes.hlines(place, row["weighted_tau_low"], row["weighted_tau_high"], color=colour, lw=1)
        axes.plot(row["weighted_tau"], place, "o", color=colour, markersize=4)
    axes.set_yticks(range(len(rows)), rows["score"], fontsize=8)
    axes.set_ylim(-1, len(rows))
    axes.set_title(f"{zoo} ({len(counted)} datasets count)", fontsize=11)
    axes.set_xlabel(TAU)


def forms() -> Figure:
    """AC-Corr in its forms by the step's learning rate."""
    means = pd.read_csv(RESULTS / "means.csv")
    taus = means[means["measure"] == "accuracy"].set_index(["zoo", "score"])["weighted_tau"]
    figure = new_figure(1150, 380)
    lines = (("sum", ACCENT), ("channel", SECOND), ("excess", THIRD), ("last", QUIET))
    for axes, zoo in zip(figure.subplots(1, len(TELLING), sharey=True), TELLING, strict=True):
        for form, colour in lines:
            for prefix, rates, style in (
                ("lr", RATES, "-o"),
                ("ridge_lr", RIDGE_RATES, "--s"),
                ("epoch_lr", EPOCH_RATES, ":^"),
            ):
                values = [taus.get((zoo, f"{form}_{prefix}{rate:g}"), np.nan) for rate in rates]
                axes.plot(
                    rates, values, style, color=colour, markersize=4, label=_label(form, prefix)
                )
        axes.axhline(taus[zoo, "zero"], color=INK, lw=1, label="no step (zero-drift)")
        axes.set_xscale("log")
        axes.set_xticks(RATES, [f"{rate:g}" for rate in RATES])
        axes.set_title(zoo, fontsize=10)
        axes.set_xlabel("learning rate of the step")
    figure.axes[0].set_ylabel(TAU)
    figure.axes[-1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _label(form: str, prefix: str) -> str:
    kinds = {"lr": "one step", "ridge_lr": "one step, ridge head", "epoch_lr": "one epoch"}
    return f"{form}, {kinds[prefix]}"


def budgets() -> Figure:
    """What the chosen and usual scores cost and how well they predict, in each list."""
    means = pd.read_csv(RESULTS / "means.csv")
    means = means[means["measure"] == "accuracy"]
    cost = pd.read_csv(RESULTS / "costs.csv").set_index("score")["steps"]
    figure = new_figure(1000, 400)
    for axes, zoo in zip(figure.subplots(1, len(TELLING), sharey=True), TELLING, strict=True):
        here = means[(means["zoo"] == zoo) & means["score"].isin(PRICED)]
        here = here[here["score"].isin(cost.index)].sort_values("weighted_tau")
        _priced(axes, here, cost)
        axes.set_title(zoo)
    figure.axes[0].set_ylabel(TAU)
    figure.supxlabel("seconds a model, in AC-Corr steps", fontsize=11)
    return figure


def _priced(axes: Axes, rows: pd.DataFrame, cost: pd.Series[float]) -> None:
    """Points, each named beside it; names of neighbours are pushed apart."""
    axes.set_xscale("log")
    axes.set_xlim(0.8, 300)
    axes.set_ylim(0, 0.85)
    low = 0.0
    for row in rows.to_dict("records"):
        steps, tau = cost[row["score"]], row["weighted_tau"]
        axes.plot(steps, tau, "o", color=COLOURS.get(row["kind"], QUIET), markersize=5)
        low = max(tau, low + 0.035)
        axes.annotate(
            PRICED[row["score"]],
            (steps, tau),
            xytext=(steps * 1.35, low),
            fontsize=8,
            va="center",
            arrowprops={"arrowstyle": "-", "color": LINE, "lw": 0.7},
        )
    axes.set_xticks((1, 10, 100), ("1", "10", "100"))


def peers() -> Figure:
    """Every method's accuracy less that of plain fine-tuning."""
    table = pd.read_csv(RESULTS / "peers.csv").set_index(["dataset", "model", "method"])["accuracy"]
    wide = table.unstack("method")
    differences = wide.drop(columns=PLAIN).sub(wide[PLAIN], axis=0)
    order = differences.mean().sort_values().index
    figure = new_figure(760, 430)
    axes = figure.subplots()
    marks = dict(zip(DATASETS, "osD^v", strict=True))
    models = list(dict.fromkeys(wide.index.get_level_values("model")))
    colours = dict(zip(models, (ACCENT, SECOND, THIRD), strict=False))
    for place, method in enumerate(order):
        for (dataset, model), value in differences[method].dropna().items():
            axes.plot(value, place, marks[dataset], color=colours[model], markersize=5, alpha=0.8)
        axes.plot([differences[method].mean()] * 2, [place - 0.35, place + 0.35], color=INK)
    axes.axvline(0, color=QUIET, lw=1)
    axes.set_yticks(range(len(order)), order)
    axes.set_xlabel("test accuracy less that of plain fine-tuning")
    named = [axes.plot([], [], "o", color=c, label=m)[0] for m, c in colours.items()]
    used = [d for d in marks if d in set(wide.index.get_level_values("dataset"))]
    named += [axes.plot([], [], marks[d], color=QUIET, label=d)[0] for d in used]
    axes.legend(handles=named, fontsize=8, loc="best")
    return figure


FIGURES: dict[str, Callable[[], Figure]] = {
    "truth": truth,
    "scores": scores,
    "forms": forms,
    "budgets": budgets,
    "peers": peers,
}


def main() -> None:
    """Draw one figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=FIGURES)
    name = parser.parse_args().name
    IMAGES.mkdir(parents=True, exist_ok=True)
    with styled():
        figure = FIGURES[name]()
        figure.set_layout_engine("constrained")
        write_whole(IMAGES / f"transfer-{name}.png", to_file(figure, ".png"))


if __name__ == "__main__":
    main()
