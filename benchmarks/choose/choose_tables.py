"""The tables and the figure of the study, from the committed raw results.

    python benchmarks/choose/choose_tables.py

Writes ``results/developed``, ``results/left_out`` and ``results/unseen``, the figure of the second
to ``docs/images/choose-points.png``, and prints the tables as Markdown.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from lay_out import DEVELOPED, LEFT_OUT, SEEDS, UNSEEN
from policies import NOW, Part, cells, choices, interval, outcomes

from acrank.report.plotting import ACCENT, INK, LINE, SECOND, new_figure, styled, to_file
from acrank.utils.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HERE = Path(__file__).resolve().parent
RAW, RESULTS = HERE / "raw", HERE / "results"
IMAGE = HERE.parents[1] / "docs" / "images" / "choose-points.png"
PARTS = {
    "developed": (DEVELOPED, SEEDS),
    "left_out": (LEFT_OUT, SEEDS),
    "unseen": (LEFT_OUT, UNSEEN),
}
CHOOSE = "choose, "
TICKS = (0.02, 0.05, 0.1, 0.2, 0.4, 1.0)
# What the figure names beside the curve.
NAMED = {
    "first by score, plain": "first by score",
    "first three by score, plain": "first three by score",
    "favourite, plain": "favourite",
    "random model, plain": "random model",
}


def main() -> None:
    """Write everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", type=Path, default=RAW)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--image", type=Path, default=IMAGE)
    given = parser.parse_args()
    for name_of_part, (datasets, seeds) in PARTS.items():
        part = Part(given.raw, datasets, seeds)
        folder, found = given.results / name_of_part, outcomes(part)
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in {
            "outcomes": found,
            "means": means(found),
            "differences": differences(found),
            "by_dataset": by_dataset(found),
            "regimes": regimes(part),
            "winners": winners(part),
        }.items():
            write_whole(folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
            print(f"\n## {name_of_part}: {name}\n")
            print(markdown(table.head(80)))
        if name_of_part == "left_out":
            write_whole(given.image, to_file(figure(found), ".png"))


def means(found: pd.DataFrame) -> pd.DataFrame:
    """The mean over datasets and seeds of each way to choose, with 95 % intervals."""
    rows = []
    for way, table in found.groupby("way", sort=False):
        answered = table.dropna(subset="lost")
        if answered.empty:
            rows.append({"way": way, "cells": len(table), "without": len(table)})
            continue
        low, high = interval(answered, "lost")
        rows.append(
            {
                "way": way,
                "cells": len(table),
                "without": len(table) - len(answered),
                "lost": round(answered.groupby("dataset").lost.mean().mean(), 2),
                "low": round(low, 2),
                "high": round(high, 2),
                "median": round(answered.lost.median(), 2),
                "worst": answered.lost.max(),
                "share": round(answered.share.mean(), 3),
            }
        )
    return pd.DataFrame(rows)


def differences(found: pd.DataFrame) -> pd.DataFrame:
    """The points that ``choose`` loses more than other ways on the same datasets and seeds."""
    table = found.pivot_table(index=["dataset", "seed"], columns="way", values="lost")
    rows = []
    for way in (name for name in table.columns if name.startswith(CHOOSE)):
        for other in NAMED:
            more = (table[way] - table[other]).dropna().rename("more").reset_index()
            low, high = interval(more, "more")
            mean = more.groupby("dataset").more.mean().mean()
            numbers = {"more": round(mean, 2), "low": round(low, 2), "high": round(high, 2)}
            rows.append({"way": way, "than": other, "cells": len(more), **numbers})
    return pd.DataFrame(rows)


def by_dataset(found: pd.DataFrame) -> pd.DataFrame:
    """The points lost by each way on each dataset, mean over seeds."""
    table = found.pivot_table(index="way", columns="dataset", values="lost", sort=False)
    return table.round(2).reset_index()


def regimes(part: Part) -> pd.DataFrame:
    """How each regime does on each dataset, against the best arm of the same model by test."""
    rows = []
    for cell in cells(part):
        best = cell.arms.groupby("model").test.transform("max")
        behind = cell.arms.assign(behind=100 * (best - cell.arms.test))
        taken = cell.best(cell.arms)
        for (method, lr), arms in behind.groupby(["method", "lr"], sort=False):
            rows.append(
                {
                    "dataset": cell.dataset,
                    "regime": f"{method}, {lr:g}",
                    "behind": arms.behind.mean(),
                    "best_of_model": (arms.behind == 0).mean(),
                    "taken": float((taken.method, taken.lr) == (method, lr)),
                    "seconds": arms.seconds.mean(),
                }
            )
    table = pd.DataFrame(rows).groupby(["dataset", "regime"], sort=False).mean().round(2)
    return table.reset_index()


def winners(part: Part) -> pd.DataFrame:
    """What everything, fine-tuned, would take, and what ``choose`` took."""
    rows = []
    for cell in cells(part):
        taken, top = cell.best(cell.arms), cell.arms.sort_values("test").iloc[-1]
        for way, row in (("everything", taken), ("everything, best by test", top)):
            rows.append({**_named(cell.dataset, cell.seed, way, row), "budget": ""})
        for row in choices(cell, part.raw):
            at = "" if row.version == NOW else f" at {row.version}"
            known = _named(cell.dataset, cell.seed, f"choose{at}, {row.share:g}", row)
            counts = {"raced": row.raced, "arms": row.arms, "rungs": row.rungs}
            rows.append({**known, "budget": row.budget, **counts, "reason": row.reason})
    return pd.DataFrame(rows)


def _named(dataset: str, seed: int, way: str, row: pd.Series) -> dict[str, object]:
    arm = {name: row[name] for name in ("model", "method", "lr", "val", "test", "seconds")}
    return {"dataset": dataset, "seed": seed, "way": way, **arm}


def figure(found: pd.DataFrame) -> Figure:
    """Points lost against the share of the oracle's time."""
    drawn = new_figure(760, 420)
    with styled():
        draw(drawn.subplots(), found)
    return drawn


def draw(axes: Axes, found: pd.DataFrame) -> None:
    """Draw the curve of ``choose``, a thin one for each dataset, and the other ways as points."""
    chosen = found[found.way.str.startswith(CHOOSE)]
    counts = chosen.groupby("way").size()  # what was run on a part does not compare
    chosen = chosen[chosen.way.isin(counts.index[counts == counts.max()])].dropna(subset="lost")
    if not chosen.empty:
        for _, one in chosen.groupby("dataset"):
            line = one.groupby("way").agg(share=("share", "mean"), lost=("lost", "mean"))
            line = line.sort_values("share")
            axes.plot(line.share, line.lost, color=LINE, linewidth=1)
        table = means(chosen).sort_values("share")
        spread = [table.lost - table.low, table.high - table.lost]
        axes.errorbar(
            table.share, table.lost, spread, color=ACCENT, marker="o", capsize=3, label="choose"
        )
        axes.legend(frameon=False)
    others = means(found[found.way.isin(NAMED)])
    for way, share, lost in others[["way", "share", "lost"]].itertuples(index=False):
        axes.plot(share, lost, "D", color=SECOND, markersize=5)
        axes.annotate(NAMED[way], (share, lost), (6, 4), textcoords="offset points", fontsize=8)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xticks(TICKS, [f"{tick:.0%}" for tick in TICKS])
    axes.minorticks_off()
    axes.set_xlabel("share of the time of fine-tuning everything")
    axes.set_ylabel("points lost on test images")


def markdown(table: pd.DataFrame) -> str:
    """A table as Markdown."""
    head = "| " + " | ".join(map(str, table.columns)) + " |"
    rule = "|" + "---|" * len(table.columns)
    rows = [
        "| " + " | ".join(map(str, row)) + " |"
        for row in table.astype(object).fillna("").to_numpy()
    ]
    return "\n".join([head, rule, *rows])


if __name__ == "__main__":
    main()
