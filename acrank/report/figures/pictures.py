"""Draw images in rows, such as cases with their true and predicted masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from acrank.report.plotting import fitted, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Width and height of an image, in CSS pixels; those of one that is more than twice as wide as high.
CELL, WIDE_CELL = (220, 190), (390, 155)
_LEGEND = 40
_LONGEST = 28


@dataclass(frozen=True)
class Picture:
    """An image (H, W, 3) with the title above it."""

    pixels: npt.NDArray[np.uint8] = field(repr=False)
    title: str


@dataclass(frozen=True)
class Pictures:
    """The data of a figure of images in rows of equal length.

    Attributes:
        rows: from the top.
        legend: names, each with its colour.
        description: what is to be seen.
    """

    rows: tuple[tuple[Picture, ...], ...]
    legend: tuple[tuple[str, str], ...] = ()
    description: str = ""

    def draw(self) -> Figure:
        """Draw the figure; its size depends on the number of rows."""
        height, width, _ = self.rows[0][0].pixels.shape
        wide, high = WIDE_CELL if width > 2 * height else CELL
        whole = len(self.rows) * high + _LEGEND
        figure = new_figure(len(self.rows[0]) * wide, whole)
        with styled():
            places: Any = figure.subplots(len(self.rows), len(self.rows[0]), squeeze=False)
            for axes, picture in zip(places.flat, sum(self.rows, ()), strict=True):
                axes.imshow(picture.pixels)
                axes.set_axis_off()
                axes.set_title(fitted(picture.title, _LONGEST), loc="left")
            self._legend(figure)
            figure.tight_layout(rect=(0, _LEGEND / whole, 1, 1))
        return figure

    def _legend(self, figure: Figure) -> None:
        from matplotlib.patches import Patch

        patches = [Patch(color=colour, label=fitted(n, _LONGEST)) for n, colour in self.legend]
        figure.legend(handles=patches, loc="lower left", ncols=max(1, len(patches)))
