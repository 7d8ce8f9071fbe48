"""AC-Corr layer by layer: a small figure for each model, all on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from acrank.report.html.axes import label_numbers, spans_decades
from acrank.report.html.parts import Picture
from acrank.report.plotting import ACCENT, QUIET, SECOND, new_figure, styled, to_svg
from acrank.report.ranking_text import norms_text, number_text
from acrank.report.tables import Table, make_table
from acrank.results import LayerCorrelation, RankedModel, Ranking

WIDTH, HEIGHT = 280.0, 150.0
NOTE = (
    "From the first norm layer to the last. Solid: kept mass after the step (AC-Corr is its "
    "mean). Dashed, where it differs: its zero-drift part, which sees no image. A cross at the "
    "foot: a layer with tied affines; a triangle: one that the step has swamped; neither counts. "
    "All on one scale."
)


@dataclass(frozen=True)
class Scale:
    """The vertical axis of every profile."""

    low: float
    high: float
    log: bool


def layer_profiles(ranking: Ranking) -> list[Picture]:
    """A profile of each model that has layers, in the order of the ranking."""
    rows = [row for row in ranking.rows if row.result.layers]
    scale = _scale(rows)
    return [_picture(number, row, scale) for number, row in enumerate(rows)]


def _scale(rows: Sequence[RankedModel]) -> Scale:
    values = [
        value
        for row in rows
        for layer in row.result.layers
        for value in (layer.kept_sum, layer.zero_drift)
        if math.isfinite(value)
    ]
    if not values:
        return Scale(0.0, 1.0, log=False)
    log = spans_decades(values)
    low, high = min(values), max(values)
    if log:
        return Scale(low / 1.3, high * 1.3, log=True)
    room = 0.1 * (high - low) or 0.5
    return Scale(low - 2 * room, high + room, log=False)  # marks of layers left out stand below


def _picture(number: int, row: RankedModel, scale: Scale) -> Picture:
    layers = row.result.layers
    title = f"{row.rank}. {row.result.model}" if row.rank else row.result.model
    silent = sum(not layer.telling for layer in layers)
    note = f"{len(layers)}{norms_text(row)} layers"
    note += f", {silent} of them left out" if silent else ""
    return Picture(
        title, _svg(number, title, layers, scale), _table(row.result.model, layers), note
    )


def _svg(number: int, title: str, layers: Sequence[LayerCorrelation], scale: Scale) -> str:
    figure = new_figure(WIDTH, HEIGHT)
    places = range(1, len(layers) + 1)
    with styled():
        axes = figure.add_axes((0.13, 0.16, 0.84, 0.8))
        mark = "." if len(layers) <= 60 else ""
        kept = [layer.kept_sum for layer in layers]
        axes.plot(places, [layer.zero_drift for layer in layers], color=SECOND, linestyle="--")
        axes.plot(places, kept, color=ACCENT, marker=mark, linewidth=1.8)
        for shape, chosen in (("x", "tied"), ("v", "swamped")):
            at = [i for i, layer in zip(places, layers, strict=True) if getattr(layer, chosen)]
            feet = axes.get_xaxis_transform()
            axes.plot(at, [0.05] * len(at), shape, color=QUIET, markersize=5, transform=feet)
        axes.set_yscale("log" if scale.log else "linear")
        axes.set_ylim(scale.low, scale.high)
        axes.set_xlim(0.5, len(layers) + 0.5)
        label_numbers(axes.xaxis, whole=True)
        label_numbers(axes.yaxis, 4)
    return to_svg(figure, f"profile-{number}", f"AC-Corr by layer of {title}", _described(layers))


def _described(layers: Sequence[LayerCorrelation]) -> str:
    telling = [layer for layer in layers if layer.telling and math.isfinite(layer.kept_sum)]
    silent = len(layers) - len(telling)
    text = f"{len(layers)} layers"
    if telling:
        low = min(telling, key=lambda layer: layer.kept_sum)
        high = max(telling, key=lambda layer: layer.kept_sum)
        text += f"; kept mass from {number_text(low.kept_sum)} ({low.name})"
        text += f" to {number_text(high.kept_sum)} ({high.name})"
    return text + (f"; {silent} say nothing." if silent else ".")


def _table(model: str, layers: Sequence[LayerCorrelation]) -> Table:
    return make_table(
        f"Layers of {model}",
        ("layer", "channels", "dead", "kept sum", "kept mean", "zero drift", "left out"),
        (
            (
                layer.name,
                str(layer.channels),
                str(layer.dead),
                number_text(layer.kept_sum),
                number_text(layer.kept_mean),
                number_text(layer.zero_drift),
                "tied" if layer.tied else "swamped" if layer.swamped else "",
            )
            for layer in layers
        ),
        text=("left out",),
    )
