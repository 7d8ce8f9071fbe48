"""Compare default runs and scores of features with a bare forward pass, before and after.

For each network and precision, in turns: a bare PyTorch forward pass in eval mode (fp32, default
layout: a user's own loop for LogME), scores of features, and a default run, by this checkout and
by another one. Each checkout has a process of its own; a turn is one row of the CSV.

    python benchmarks/forward_cost.py --before CHECKOUT --csv benchmarks/forward_cost.csv
    python benchmarks/forward_cost.py --where --csv benchmarks/forward_where.csv
    python benchmarks/forward_cost.py --tell benchmarks/forward_cost.csv
    python benchmarks/forward_cost.py --draw benchmarks/forward_where.csv
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from probe_cost import MODELS, machine
from scipy.stats import gmean

from acrank.report.plotting import (
    ACCENT,
    INK,
    LINE,
    PAPER,
    QUIET,
    SECOND,
    THIRD,
    new_figure,
    styled,
    to_file,
)
from acrank.utils.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "forward-where.png"
PRECISIONS = ("fp32", "bf16")
PARTS = ("features", "default")
STAGES = {
    "features": ACCENT,
    "folding": LINE,
    "step, forward": SECOND,
    "step, backward": THIRD,
    "preparing images": INK,
    "LogME, interval": QUIET,
    "AC-Corr": "#2f7d5b",
}


class Worker:
    """A process of one checkout that times parts of a run."""

    def __init__(self, checkout: Path, arguments: argparse.Namespace) -> None:
        command = [sys.executable, str(Path(__file__).with_name("forward_worker.py"))]
        command += ["--images", str(arguments.images), "--batch-size", str(arguments.batch_size)]
        command += ["--threads", str(arguments.threads)]
        env = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONSAFEPATH": ""}
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **asked: str) -> Any:
        """Time a part; returns its seconds, or those of its stages."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


def main() -> None:
    """Measure, or show what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", type=Path, help="another checkout")
    parser.add_argument("--where", action="store_true", help="time the stages of a default run")
    parser.add_argument("--csv", type=Path, help="is added to")
    parser.add_argument("--tell", type=Path, help="a CSV of such a run")
    parser.add_argument("--draw", type=Path, help="a CSV of such a run with --where")
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.tell:
        tell(pd.read_csv(arguments.tell))
    elif arguments.draw:
        draw(pd.read_csv(arguments.draw))
    else:
        measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    """Time everything in turns, and add a row a turn to the CSV."""
    workers = {"after": Worker(ROOT, arguments)}
    if arguments.before:
        workers["before"] = Worker(arguments.before, arguments)
    about = [arguments.images, arguments.batch_size, arguments.threads, machine()]
    new = not arguments.csv.exists()
    with arguments.csv.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            head = ("model", "precision", "code", "part", "round", "seconds")
            writer.writerow([*head, "images", "batch_size", "threads", "machine"])
        for name in arguments.models:
            for turn in range(-1, arguments.rounds):  # the first warms up
                order = dict(sorted(workers.items(), reverse=turn % 2 == 0))
                for row in turns(order, name, arguments.where):
                    if turn >= 0:
                        writer.writerow([name, *row[:3], turn, round(row[3], 4), *about])
                file.flush()
            print(name, flush=True)


def turns(
    workers: dict[str, Worker], name: str, where: bool
) -> Iterator[tuple[str, str, str, float]]:
    """Yield precision, code, part and seconds of one round."""
    for precision in PRECISIONS:
        if where:
            stages = workers["after"].ask(model=name, part="where", precision=precision)
            yield from ((precision, "after", stage, took) for stage, took in stages.items())
            continue
        if precision == "fp32":
            took = workers["after"].ask(model=name, part="bare", precision=precision)
            yield precision, "bare", "bare", took
        for part in PARTS:
            for code, worker in workers.items():
                took = worker.ask(model=name, part=part, precision=precision)
                yield precision, code, part, took


def tell(rows: pd.DataFrame) -> None:
    """Print the ratios of the fastest turns to that of the bare pass, and their means."""
    for size, own in rows.groupby("images"):
        least = own.groupby(["model", "precision", "code", "part"])["seconds"].min()
        bare = least.xs("bare", level="part").droplevel(["precision", "code"])
        ratios = (least / bare).drop("bare", level="part").unstack(["part", "precision", "code"])
        ratios = ratios.reindex([name for name in MODELS if name in ratios.index])
        ratios.loc["geometric mean"] = gmean(ratios)
        print(f"{size} images, {own['round'].nunique()} rounds")
        print(ratios.round(2).sort_index(axis=1, ascending=[True, False, False]).to_string())


def draw(rows: pd.DataFrame) -> None:
    """Draw the stages of default runs as shares of their time."""
    took = rows.groupby(["precision", "model", "round", "part"])["seconds"].sum().unstack("part")
    # the round that was disturbed least
    least = took.loc[took.sum(axis=1).groupby(["precision", "model"]).idxmin()].droplevel("round")
    shares = least.div(least.sum(axis=1), axis=0).fillna(0.0)
    order = [(kind, name) for kind in PRECISIONS[::-1] for name in MODELS[::-1]]
    shares = shares.reindex(order)
    with styled():
        figure = _bars(shares, f"share of a default run's time, {rows['images'].iloc[0]} images")
        figure.set_layout_engine("constrained")
        write_whole(PICTURE, to_file(figure, ".png"))


def _bars(shares: pd.DataFrame, title: str) -> Figure:
    figure = new_figure(700, 380)
    axes = figure.subplots()
    labels = [f"{name}, {kind}" for kind, name in shares.index]
    left = pd.Series(0.0, index=shares.index)
    for stage, colour in STAGES.items():
        axes.barh(labels, shares[stage], left=left, color=colour, label=stage, height=0.7)
        left += shares[stage]
    axes.barh(labels, 1 - left, left=left, color=PAPER, edgecolor=QUIET, label="other", height=0.7)
    axes.set_xlim(0, 1)
    axes.set_xlabel(title)
    figure.legend(loc="outside upper center", ncols=4)
    return figure


if __name__ == "__main__":
    main()
