"""Make the figures of a ranking: scores with intervals, scores against costs, and layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from acrank.metrics.registry import higher_is_better
from acrank.report.builders.ranking_words import (
    any_compared,
    better,
    chance_heading,
    norms_text,
    number_text,
    ranked,
    seconds_of,
    uncertainty,
)
from acrank.report.document import Figure, Table, table_of
from acrank.report.figures import Dot, Dots, Feet, Line, Lines, Panel, Scatter, Spot
from acrank.report.plotting import ACCENT, SECOND, spans_decades
from acrank.results import LayerCorrelation, RankedModel, Ranking

# So many models of a front are named below it; the table has all.
NAMED = 8
# CSS pixels of the figure of a model's layers.
PROFILE = (280.0, 150.0)
PROFILES_NOTE = (
    "From the first norm layer to the last. Solid: kept mass after the step (AC-Corr is its "
    "mean). Dashed, where it differs: its zero-drift part, which sees no image. A cross at the "
    "foot: a layer with tied affines; a triangle: one that the step has swamped; neither counts. "
    "All on one scale."
)


def dot_plot(ranking: Ranking) -> Figure | None:
    """Plot every ranked model with its interval; return None where no model is ranked."""
    rows = ranked(ranking)
    if not rows:
        return None
    first = "; ".join(
        f"{row.rank}. {row.result.model} {number_text(row.score)}" for row in rows[:3]
    )
    drawing = Dots(
        tuple(map(_dot, rows)),
        f"{ranking.rank_by} ({better(ranking.rank_by)})",
        f"{len(rows)} ranked models as dots with intervals, best on top: {first}.",
    )
    numbers = table_of(
        "The ranked models, as drawn",
        ("rank", "model", "score", "95 % interval", chance_heading(ranking.rank_by), "tie"),
        (
            (
                str(row.rank),
                row.result.model,
                number_text(row.score),
                *uncertainty(row, any_compared(rows)),
            )
            for row in rows
        ),
        header=1,
    )
    return Figure(f"Ranking by {ranking.rank_by}", drawing, numbers, _dots_note(rows))


def _dot(row: RankedModel) -> Dot:
    return Dot(
        f"{row.rank} {row.result.model}",
        row.score or 0.0,
        math.nan if row.low is None else row.low,
        math.nan if row.high is None else row.high,
        "" if row.tie_group is None else f"tie {row.tie_group}",
        row.tie_group,
    )


def _dots_note(rows: Sequence[RankedModel]) -> str:
    parts = ["Dot: the score."]
    if any(row.low is not None for row in rows):
        parts.append("Line: its 95 % interval, unless that is narrower than the dot.")
    if any(row.tie_group is not None for row in rows):
        parts.append(
            "Models of one tie group, on one band, cannot be told apart from the first of it."
        )
    return " ".join(parts)


@dataclass(frozen=True)
class Priced:
    """A model with its score and cost; on the front, no other model is better in both."""

    rank: int
    model: str
    cost: float
    score: float
    front: bool = False


def cost_plots(ranking: Ranking) -> list[Figure]:
    """Plot the score against parameters and against seconds, where these are known."""
    kinds: tuple[tuple[str, str, Callable[[RankedModel], float | None]], ...] = (
        ("parameters", "parameters, millions", _millions),
        ("seconds", "seconds to score", seconds_of),
    )
    found = ((name, unit, pareto(ranking, cost)) for name, unit, cost in kinds)
    return [
        _cost_plot(models, ranking.rank_by, name, unit) for name, unit, models in found if models
    ]


def pareto(ranking: Ranking, cost: Callable[[RankedModel], float | None]) -> list[Priced]:
    """Return the ranked models whose cost is known, best first, and mark the Pareto front.

    A model is on the Pareto front unless another is no worse in both and better in one.
    """
    models = [
        Priced(row.rank or 0, row.result.model, price, row.score or 0.0)
        for row in ranked(ranking)
        if (price := cost(row)) is not None
    ]
    sign = 1.0 if higher_is_better(ranking.rank_by) else -1.0
    return [
        Priced(p.rank, p.model, p.cost, p.score, not any(_beats(q, p, sign) for q in models))
        for p in models
    ]


def _beats(one: Priced, other: Priced, sign: float) -> bool:
    ahead = sign * (one.score - other.score), other.cost - one.cost
    return min(ahead) >= 0 and max(ahead) > 0


def _millions(row: RankedModel) -> float | None:
    return None if row.result.params is None else row.result.params / 1e6


def _cost_plot(models: Sequence[Priced], by: str, name: str, unit: str) -> Figure:
    front = sorted((model for model in models if model.front), key=lambda model: model.cost)
    pairs = (f"{m.model} ({number_text(m.cost)}, {number_text(m.score)})" for m in front[:NAMED])
    more = "." if len(front) <= NAMED else " and others."
    drawing = Scatter(
        tuple(Spot(m.cost, m.score, m.rank, m.front) for m in models),
        f"{unit} (fewer is cheaper)",
        f"{by} ({better(by)}, up)",
        f"{len(models)} models; the Pareto front has {len(front)}: {', '.join(pairs)}{more}",
        falls_up=not higher_is_better(by),
        joined=True,
    )
    names = ", ".join(f"{m.rank} {m.model}" for m in front[:NAMED])
    names += f" and {len(front) - NAMED} more" if len(front) > NAMED else ""
    note = (
        f"Diamonds: the Pareto front; no other model has both a better score and fewer {name}. "
        f"From the left: {names}. Numbers are ranks, where there is room."
    )
    numbers = table_of(
        f"Score and {unit}",
        ("rank", "model", "score", unit, "on the front"),
        (
            (
                str(m.rank),
                m.model,
                number_text(m.score),
                number_text(m.cost),
                "yes" if m.front else "no",
            )
            for m in models
        ),
        words=("on the front",),
        header=1,
    )
    return Figure(f"{by} against {name}", drawing, numbers, note)


def layer_profiles(ranking: Ranking) -> list[Figure]:
    """Plot AC-Corr by layer for each model that has layers, all on one scale."""
    rows = [row for row in ranking.rows if row.result.layers]
    empty = _scaled(rows)
    return [_profile(row, empty) for row in rows]


def _scaled(rows: Sequence[RankedModel]) -> Panel:
    """Return an empty panel with the vertical axis that all profiles share."""
    values = [
        value
        for row in rows
        for layer in row.result.layers
        for value in (layer.kept_sum, layer.zero_drift)
        if math.isfinite(value)
    ]
    if not values:
        return Panel((), low=0.0, high=1.0)
    low, high = min(values), max(values)
    if spans_decades(values):
        return Panel((), log=True, low=low / 1.3, high=high * 1.3)
    room = 0.1 * (high - low) or 0.5
    return Panel((), low=low - 2 * room, high=high + room)  # marks of layers left out stand below


def _profile(row: RankedModel, empty: Panel) -> Figure:
    layers = row.result.layers
    places = tuple(range(1, len(layers) + 1))
    tied = tuple(p for p, layer in zip(places, layers, strict=True) if layer.tied)
    swamped = tuple(p for p, layer in zip(places, layers, strict=True) if layer.swamped)
    lines = (
        Line("", tuple(layer.zero_drift for layer in layers), SECOND, dashed=True),
        Line("", tuple(layer.kept_sum for layer in layers), ACCENT),
    )
    panel = replace(empty, lines=lines, feet=(Feet("", tied, "x"), Feet("", swamped, "v")))
    silent = sum(not layer.telling for layer in layers)
    note = f"{len(layers)}{norms_text(row)} layers"
    note += f", {silent} of them left out" if silent else ""
    title = f"{row.rank}. {row.result.model}" if row.rank else row.result.model
    drawing = Lines(places, (panel,), PROFILE, _described(layers))
    return Figure(title, drawing, _layers_table(row.result.model, layers), note)


def _described(layers: Sequence[LayerCorrelation]) -> str:
    telling = [layer for layer in layers if layer.telling and math.isfinite(layer.kept_sum)]
    silent = len(layers) - len(telling)
    text = f"AC-Corr by layer; {len(layers)} layers"
    if telling:
        low = min(telling, key=lambda layer: layer.kept_sum)
        high = max(telling, key=lambda layer: layer.kept_sum)
        text += f"; kept mass from {number_text(low.kept_sum)} ({low.name})"
        text += f" to {number_text(high.kept_sum)} ({high.name})"
    return text + (f"; {silent} carry no information." if silent else ".")


def _layers_table(model: str, layers: Sequence[LayerCorrelation]) -> Table:
    return table_of(
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
        words=("left out",),
    )
