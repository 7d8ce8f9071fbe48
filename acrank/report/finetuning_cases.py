"""Images of a fine-tuning with their true masks and those that were predicted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from acrank.report.html.class_colours import class_colours, rgb
from acrank.report.plotting import new_figure, styled
from acrank.utils.visible import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Written beside the weights, to be drawn at any time.
PICTURES = "cases.npz"
# Width of a column and height of a row, in CSS pixels, and what the legend takes.
COLUMN, ROW, LEGEND = 220, 190, 40
# Of slices in three planes, side by side.
WIDE_COLUMN, WIDE_ROW = 390, 155
# How much of a class's colour lies over the image; its outline has all of it.
OVER = 0.45
# Of classes in the legend, and letters of a name.
NAMED, LONGEST = 8, 28

Array = npt.NDArray[Any]


def cases(folder: Path) -> Figure:
    """A row an image, from the lowest Dice to the highest: image, true mask, predicted mask.

    Args:
        folder: of a fine-tuning on masks.
    """
    with np.load(folder / PICTURES) as pictures:
        found = dict(pictures)
    foreground = found["foreground"].tolist()
    colours = dict(zip(foreground, class_colours(len(foreground)), strict=True))
    keys = found["keys"].tolist()
    with styled():
        column, row = _cell(found["image0"])
        figure = new_figure(3 * column, len(keys) * row + LEGEND)
        rows = figure.subplots(len(keys), 3, squeeze=False)
        for index, key in enumerate(keys):
            image = found[f"image{index}"]
            masks = (found[f"truth{index}"], found[f"guess{index}"])
            shown = (image, *(painted(image, mask, colours) for mask in masks))
            for axes, picture in zip(rows[index], shown, strict=True):
                _show(axes, picture)
            dice = found["dice"][index]
            told = "no object" if np.isnan(dice) else f"Dice {dice:.3f}"
            rows[index][0].set_title(_short(key), loc="left")
            rows[index][1].set_title("true", loc="left")
            rows[index][2].set_title(f"predicted, {told}", loc="left")
        _legend(figure, found["classes"].tolist(), colours)
        figure.tight_layout(rect=(0, LEGEND / (len(keys) * row + LEGEND), 1, 1))
    return figure


def _cell(image: Array) -> tuple[int, int]:
    """Width and height of the cells of a figure of such images."""
    return (WIDE_COLUMN, WIDE_ROW) if image.shape[1] > 2 * image.shape[0] else (COLUMN, ROW)


def painted(image: Array, mask: Array, colours: dict[int, str]) -> Array:
    """An image (H, W, 3) with the classes of a mask over it, and their outlines."""
    shown = image.astype(np.float64)
    for label, colour in colours.items():
        there = mask == label
        inside = there.copy()
        inside[1:] &= there[:-1]
        inside[:-1] &= there[1:]
        inside[:, 1:] &= there[:, :-1]
        inside[:, :-1] &= there[:, 1:]
        paint = np.array(rgb(colour), dtype=np.float64)
        shown[inside] = (1 - OVER) * shown[inside] + OVER * paint
        shown[there & ~inside] = paint
    return shown.round().astype(np.uint8)


def _show(axes: Axes, picture: Array) -> None:
    axes.imshow(picture)
    axes.set_axis_off()


def _legend(figure: Figure, classes: Sequence[str], colours: dict[int, str]) -> None:
    from matplotlib.patches import Patch

    named = list(colours.items())[:NAMED]
    patches = [Patch(color=colour, label=_short(classes[label])) for label, colour in named]
    figure.legend(handles=patches, loc="lower left", ncols=len(patches), frameon=False)


def _short(name: str) -> str:
    shown = visible(name)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"
