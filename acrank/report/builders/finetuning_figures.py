"""Make the figures of a fine-tuning: curves over epochs, and a confusion matrix or cases."""

from __future__ import annotations

import csv
import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from acrank.report.figures import Line, Lines, Matrix, Panel, Picture, Pictures
from acrank.report.figures.colours import class_colours
from acrank.report.figures.masks import painted
from acrank.report.plotting import ACCENT, QUIET, SECOND, THIRD, to_file
from acrank.tasks.registry import Task, loaded, task_named
from acrank.utils.files import write_whole

if TYPE_CHECKING:
    from acrank.finetuning.result import Finetuned

ENDINGS = (".png", ".svg")
# Written beside the weights of a segmenter, to be drawn at any time.
PICTURES = "cases.npz"
# Classes that the legend of cases names.
NAMED = 8
# Of the curves of measures, in their order.
COLOURS = (ACCENT, SECOND, THIRD)


def write_figures(done: Finetuned) -> None:
    """Write ``curves``, and the figure of its task, as PNG and SVG into its folder.

    Raises:
        ConfigError: a file cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    second = _task(done).figure
    for make in (curves, *([loaded(second)] if second else [])):
        drawing = make(done)
        for ending in ENDINGS:
            name = f"{make.__name__}{ending}"
            write_whole(done.folder / name, to_file(drawing.draw(), ending))


def _task(done: Finetuned) -> Task:
    return task_named(done.record["config"].get("task"))


def curves(done: Finetuned) -> Lines:
    """Plot losses and measures by epoch, and mark the epoch that was kept."""
    config, best = done.record["config"], done.record["best_epoch"]

    def line(key: str, name: str, colour: str) -> Line:
        found = (row.get(key) for row in done.log)
        return Line(name, tuple(math.nan if v is None else float(v) for v in found), colour)

    losses = line("train_loss", "training", QUIET), line("val_loss", "validation", ACCENT)
    drawn = (measure for measure in _task(done).measures if measure.drawn)
    measures = tuple(
        line(f"val_{measure.key}", measure.words, colour)
        for measure, colour in zip(drawn, itertools.cycle(COLOURS), strict=False)
    )
    stop = float(best), f"kept: epoch {best}"
    return Lines(
        tuple(float(row["epoch"] or 0) for row in done.log),
        (
            Panel(losses, "loss", stop=stop),
            Panel(measures, "on validation images", high=1.02, stop=stop),
        ),
        (640, 560),
        title=f"{done.record['model']['name']} by {config['method']}",
        across="epoch",
    )


def confusion(done: Finetuned) -> Matrix:
    """Draw the confusion matrix, tinted by shares of the true class, with counts in its fields."""
    lines = (done.folder / "confusion.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.reader(lines))[1:]
    counts = tuple(tuple(map(int, row[1:])) for row in rows)
    part = "test" if "test" in done.record else "validation"
    title = f"{sum(map(sum, counts))} {part} images"
    return Matrix(tuple(row[0] for row in rows), counts, title, "taken for", "true")


def cases(done: Finetuned) -> Pictures:
    """Draw some cases from the lowest Dice to the highest: image, true mask, predicted mask.

    Args:
        done: a fine-tuning on masks.
    """
    with np.load(done.folder / PICTURES) as pictures:
        found = dict(pictures)
    foreground, classes = found["foreground"].tolist(), found["classes"].tolist()
    colours = dict(zip(foreground, class_colours(len(foreground)), strict=True))
    rows = []
    for index, key in enumerate(found["keys"].tolist()):
        image, dice = found[f"image{index}"], found["dice"][index]
        told = "no object" if np.isnan(dice) else f"Dice {dice:.3f}"
        rows.append(
            (
                Picture(image, key),
                Picture(painted(image, found[f"truth{index}"], colours), "true"),
                Picture(painted(image, found[f"guess{index}"], colours), f"predicted, {told}"),
            )
        )
    legend = tuple((classes[label], colour) for label, colour in list(colours.items())[:NAMED])
    return Pictures(tuple(rows), legend)
