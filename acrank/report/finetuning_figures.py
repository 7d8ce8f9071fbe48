"""A fine-tuning in pictures: curves over the epochs, and the confusion matrix or some cases."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from acrank.finetuning.catalogue import CLASSIFICATION, SEGMENTATION
from acrank.report.finetuning_cases import cases
from acrank.report.plotting import (
    ACCENT,
    INK,
    PAPER,
    QUIET,
    SECOND,
    THIRD,
    new_figure,
    styled,
    to_file,
)
from acrank.utils.files import write_whole
from acrank.utils.visible import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from acrank.finetuning.loop import Row
    from acrank.finetuning.result import Finetuned

ENDINGS = (".png", ".svg")
# Classes of which the cells of a confusion matrix still hold a number.
NUMBERED = 25
LONGEST = 24


def write_figures(done: Finetuned) -> None:
    """Write ``curves``, and ``confusion`` or ``cases``, as PNG and SVG into its folder.

    Raises:
        ConfigError: a file cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    second = (
        ("cases", cases(done.folder))
        if _task(done) == SEGMENTATION
        else ("confusion", confusion(done))
    )
    for name, figure in (("curves", curves(done)), second):
        for ending in ENDINGS:
            write_whole(done.folder / f"{name}{ending}", to_file(figure, ending))


# What is drawn of each task: the measure, its name and its colour.
DRAWN = {
    CLASSIFICATION: (
        ("balanced_accuracy", "balanced accuracy", ACCENT),
        ("macro_f1", "macro F1", SECOND),
        ("auroc", "AUROC", THIRD),
    ),
    SEGMENTATION: (("dice", "Dice", ACCENT), ("iou", "IoU", SECOND)),
}


def _task(done: Finetuned) -> str:
    return str(done.record["config"].get("task", CLASSIFICATION))


def curves(done: Finetuned) -> Figure:
    """Losses and measures by epoch; the epoch that was kept is marked."""
    with styled():
        figure = new_figure(640, 560)
        losses, measures = figure.subplots(2, 1, sharex=True)
        config = done.record["config"]
        name = done.record["model"]["name"]
        losses.set_title(visible(f"{name} by {config['method']}"), loc="left")
        _line(losses, done.log, "train_loss", "training", QUIET)
        _line(losses, done.log, "val_loss", "validation", ACCENT)
        losses.set_ylabel("loss")
        for key, label, colour in DRAWN[_task(done)]:
            _line(measures, done.log, f"val_{key}", label, colour)
        measures.set_ylim(top=1.02)
        measures.set_ylabel("on validation images")
        measures.set_xlabel("epoch")
        for axes in (losses, measures):
            best = done.record["best_epoch"]
            axes.axvline(best, color=INK, linestyle=":", label=f"kept: epoch {best}")
            axes.legend()
        figure.tight_layout()
    return figure


def _line(axes: Axes, log: Sequence[Row], key: str, label: str, colour: str) -> None:
    points = [(row["epoch"], row[key]) for row in log if row.get(key) is not None]
    if points:
        epochs, values = zip(*points, strict=True)
        axes.plot(epochs, values, color=colour, label=label, marker="o", markersize=3)


def confusion(done: Finetuned) -> Figure:
    """True classes by what they were taken for: shares of the true class, and numbers."""
    lines = (done.folder / "confusion.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.reader(lines))[1:]
    names = [_short(row[0]) for row in rows]
    counts = np.array([[int(number) for number in row[1:]] for row in rows])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 200 + max(28 * len(names), 160)
    with styled():
        figure = new_figure(side + 60, side)
        axes = figure.subplots()
        axes.grid(False)
        axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("taken for")
        axes.set_ylabel("true")
        part = "test" if "test" in done.record else "validation"
        axes.set_title(f"{counts.sum()} {part} images", loc="left")
        if len(names) <= NUMBERED:
            for (row, column), count in np.ndenumerate(counts):
                colour = PAPER if shares[row, column] > 0.5 else INK
                text = str(count) if count else ""
                axes.text(column, row, text, ha="center", va="center", color=colour)
        figure.tight_layout()
    return figure


def _short(name: str) -> str:
    shown = visible(name)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"
