"""An explanation as a picture: AC-Corr and the drift of the ratios, by depth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from acrank.errors import ConfigError
from acrank.metrics.registry import AC_CORR
from acrank.report.plotting import (
    ACCENT,
    FORMATS,
    INK,
    LINE,
    QUIET,
    SECOND,
    THIRD,
    new_figure,
    require_plotting,
    styled,
    to_file,
)
from acrank.report.ranking_text import number_text
from acrank.scoring.inspection import Explanation, LayerExplanation
from acrank.utils.visible import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# CSS pixels: of a layer, of the margins, of the whole, of a label in a legend.
STEP, MARGIN, NARROWEST, WIDEST, HEIGHT, LABEL = 22, 150, 640, 1400, 640, 210
# Names of so many layers stand below the axis at most; then every second one, and so on.
NAMES = 56
# Letters of a name below the axis.
LONGEST = 32
SMALL = 9.5


def check_figure(path: Path) -> None:
    """Refuse a figure that could not be drawn, before any work is done.

    Args:
        path: of the file.

    Raises:
        ConfigError: it has an ending that is not known.
        MissingExtraError: matplotlib is not installed.
    """
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(
            f"'{path}': a figure cannot be written as {path.suffix or 'a file without ending'!r}.",
            hint=f"Known endings: {', '.join(FORMATS)}.",
        )
    require_plotting("--figure")


def draw(explained: Explanation, ending: str) -> bytes:
    """The picture of a network as a file's content.

    Args:
        explained: the network.
        ending: ``.png``, ``.svg`` or ``.pdf``.
    """
    return to_file(explanation_figure(explained), ending)


def explanation_figure(explained: Explanation) -> Figure:
    """Two panels over the layers in the network's order, without background.

    Above, AC-Corr per channel and what it is before any step; layers that say nothing are grey.
    Below, how far the ratios move, beside how far they lie apart.

    Args:
        explained: the network.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    layers = explained.layers
    width = min(max(MARGIN + STEP * len(layers), NARROWEST), WIDEST)
    figure = new_figure(width, HEIGHT)
    with styled():
        figure.set_layout_engine("constrained")
        above, below = figure.subplots(2, 1, sharex=True)
        figure.suptitle(_title(explained), x=0.01, ha="left", fontsize=12)
        _draw_kept(above, layers)
        _draw_drift(below, layers)
        for axes in (above, below):
            _scale(axes, layers)
            _mark_silent(axes, layers)
            if axes.get_legend_handles_labels()[0]:
                columns = width // LABEL
                axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, fontsize=10)
        _name_layers(below, layers)
        figure.align_ylabels()
    return figure


def _title(explained: Explanation) -> str:
    data = Path(explained.record["dataset"]["name"]).name
    on = f"{_short(explained.result.model)} on {_short(data)}"
    if explained.silence:
        return visible(f"{on}: no AC-Corr")
    whole, _, zero = (number_text(explained.result.value(name)) for name in AC_CORR)
    return visible(f"{on}: AC-Corr {whole}, zero-drift {zero}")


def _draw_kept(axes: Axes, layers: Sequence[LayerExplanation]) -> None:
    _line(axes, layers, lambda layer: layer.zero_mean, SECOND, "before any step (zero-drift)", 9)
    _line(axes, layers, lambda layer: layer.correlation.kept_mean, ACCENT, "after the step", 4)
    dead = [(i, layer.correlation) for i, layer in enumerate(layers) if layer.correlation.dead]
    if dead:
        axes.scatter(
            [place for place, _ in dead],
            [0.03] * len(dead),
            [12 + 120 * found.dead / found.channels for _, found in dead],
            marker="v",
            color=THIRD,
            transform=axes.get_xaxis_transform(),
            label="dead channels (larger: more)",
            zorder=4,
        )
    axes.set_ylabel("AC-Corr per channel")


def _draw_drift(axes: Axes, layers: Sequence[LayerExplanation]) -> None:
    _line(
        axes, layers, lambda layer: layer.spread, QUIET, "spread: how far the ratios lie apart", 4
    )
    _line(axes, layers, lambda layer: layer.drift, ACCENT, "drift: how far they move", 4)
    axes.set_ylabel("affine ratios")


def _line(
    axes: Axes,
    layers: Sequence[LayerExplanation],
    value: Callable[[LayerExplanation], float],
    colour: str,
    label: str,
    size: float,
) -> None:
    """A line through the layers, broken where there is no value; large dots are hollow."""
    values = [value(layer) for layer in layers]
    shown = [number if number > 0 else math.nan for number in values]
    if all(map(math.isnan, shown)):
        return
    hollow = size > 5
    axes.plot(
        range(len(layers)),
        shown,
        color=colour,
        marker="o",
        markersize=size if len(layers) <= NAMES else size / 2,
        markerfacecolor="none" if hollow else colour,
        linewidth=1.2,
        label=label,
        zorder=3,
    )


def _scale(axes: Axes, layers: Sequence[LayerExplanation]) -> None:
    """A logarithmic axis with plain numbers, and a place for every layer."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xlim(-0.6, len(layers) - 0.4)
    axes.grid(visible=False, axis="x")
    lines = [np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.get_lines()]
    if not lines:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "undefined", transform=axes.transAxes, ha="center", color=QUIET)
        return
    axes.set_yscale("log")
    values = np.concatenate(lines)
    decades = math.log10(np.nanmax(values) / np.nanmin(values))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2.5 else (1,)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _mark_silent(axes: Axes, layers: Sequence[LayerExplanation]) -> None:
    labelled = set()
    for place, layer in enumerate(layers):
        if layer.status != "ok":
            new = layer.status not in labelled
            labelled.add(layer.status)
            axes.axvspan(
                place - 0.5,
                place + 0.5,
                facecolor=LINE,
                edgecolor=QUIET if layer.status == "swamped" else "none",
                hatch="//" if layer.status == "swamped" else None,
                linewidth=0,
                alpha=0.7,
                zorder=1,
                label=f"{layer.status}: says nothing" if new else None,
            )


def _name_layers(axes: Axes, layers: Sequence[LayerExplanation]) -> None:
    every = math.ceil(len(layers) / NAMES)
    places = list(range(0, len(layers), every))
    endings = _endings([layer.name for layer in layers])
    names = [_short(endings[place]) for place in places]
    level = len(places) * max(map(len, names)) < 80
    axes.set_xticks(places, names, rotation=0 if level else 90, fontsize=SMALL, color=INK)


def _endings(names: Sequence[str]) -> list[str]:
    """Names of modules without what all of them begin with."""
    paths = [name.split(".") for name in names]
    shared = 0
    while all(len(path) > shared + 1 and path[shared] == paths[0][shared] for path in paths):
        shared += 1
    return [".".join(path[shared:]) for path in paths]


def _short(name: str) -> str:
    """A name's end, which tells more than its beginning."""
    text = visible(name)
    return text if len(text) <= LONGEST else f"…{text[1 - LONGEST :]}"
