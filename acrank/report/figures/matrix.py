"""Draw a square matrix of counts with tints, such as a confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from acrank.report.plotting import INK, PAPER, fitted, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Rows of which the fields still hold a number.
NUMBERED = 25
_LONGEST = 24


@dataclass(frozen=True)
class Matrix:
    """The data of a matrix of counts, each tinted by its share of the row.

    Attributes:
        names: of rows and columns.
        counts: a row of numbers for each.
        title: above it.
        across: what the columns are.
        down: what the rows are.
        description: what is to be seen.
    """

    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    title: str
    across: str
    down: str
    description: str = ""

    def draw(self) -> Figure:
        """Draw the figure; its size depends on the number of rows."""
        counts = np.array(self.counts)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        names = [fitted(name, _LONGEST) for name in self.names]
        side = 200 + max(28 * len(names), 160)
        figure = new_figure(side + 60, side)
        with styled():
            axes = figure.subplots()
            axes.grid(visible=False)
            axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
            axes.set_xticks(range(len(names)), names, rotation=90)
            axes.set_yticks(range(len(names)), names)
            axes.set_xlabel(self.across)
            axes.set_ylabel(self.down)
            axes.set_title(self.title, loc="left")
            if len(names) <= NUMBERED:
                for (row, column), count in np.ndenumerate(counts):
                    colour = PAPER if shares[row, column] > 0.5 else INK
                    text = str(count) if count else ""
                    axes.text(column, row, text, ha="center", va="center", color=colour)
            figure.tight_layout()
        return figure
