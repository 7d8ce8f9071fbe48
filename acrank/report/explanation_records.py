"""An explanation as CSV, JSON and Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from acrank.metrics.registry import AC_CORR
from acrank.report.cells import markdown_table
from acrank.report.explanation_text import score_interval, summary
from acrank.report.ranking_text import number_text
from acrank.results import finite_or_none
from acrank.results.record import to_record
from acrank.scoring.inspection import ChannelMove, ChannelMoves, Explanation, LayerExplanation
from acrank.utils.serialise import csv_text, json_text
from acrank.utils.visible import visible

SCHEMA = 1
LAYER_COLUMNS = (
    *("layer", "channels", "dead", "status", *AC_CORR, "excess", "share", "crossed"),
    *("spread", "drift"),
)
CHANNEL_COLUMNS = tuple(field.name for field in fields(ChannelMove))

# Headings, each with the channels under it.
Moves = Sequence[tuple[str, Sequence[ChannelMove]]]


def layer_values(explained: Explanation, layer: LayerExplanation) -> dict[str, Any]:
    """One layer under the names of ``LAYER_COLUMNS``; None where there is no value.

    Args:
        explained: the network.
        layer: of it.
    """
    found = layer.correlation
    values = (
        *(found.name, found.channels, found.dead, layer.status),
        *(found.kept_sum, found.kept_mean, found.zero_drift),
        *(layer.excess, explained.share(layer), layer.crossed, layer.spread, layer.drift),
    )
    return _finite(dict(zip(LAYER_COLUMNS, values, strict=True)))


def to_csv(explained: Explanation) -> str:
    """The layers as CSV with a header; undefined values are empty."""
    return csv_text(LAYER_COLUMNS, (layer_values(explained, each) for each in explained.layers))


def channels_csv(explained: Explanation) -> str:
    """Every channel of every layer as CSV with a header; undefined values are empty."""
    moves = (
        layer.channels.at(layer.name, index)
        for layer in explained.layers
        for index in range(len(layer.channels))
    )
    return csv_text(CHANNEL_COLUMNS, (_finite(asdict(move)) for move in moves))


def to_json(explained: Explanation, count: int) -> str:
    """Everything as strict JSON: scores and trials, layers, every channel, configuration.

    Args:
        explained: the network.
        count: how many of the channels that move most are listed, of the network and by layer.
    """
    result = to_record(explained.result)
    del result["layers"]  # they are below, with more in each
    document = {
        "schema_version": SCHEMA,
        **explained.record,
        "notes": list(explained.notes),
        **result,
        "interval": score_interval(explained),
        "silence": explained.silence or None,
        "most_moved": [_finite(asdict(move)) for move in explained.most_moved(count)],
        "layers": [
            {
                **layer_values(explained, layer),
                "most_moved": [move.channel for move in explained.most_moved(count, [layer])],
                "moves": _columns(layer.channels),
            }
            for layer in explained.layers
        ],
    }
    return json_text(document)


def to_markdown(explained: Explanation, moves: Moves) -> str:
    """The sentences, the layers and the channels that move most, as GitHub tables.

    Args:
        explained: the network.
        moves: the channels that move most, by heading.
    """
    layers = (layer_values(explained, layer) for layer in explained.layers)
    parts = [f"{_paragraph(line)}\n" for line in summary(explained)]
    parts.append(markdown_table(LAYER_COLUMNS, map(_cells, layers)))
    for heading, listed in moves:
        parts.append(f"{_paragraph(heading)}:\n")
        parts.append(markdown_table(CHANNEL_COLUMNS, (_cells(asdict(move)) for move in listed)))
    return "\n".join(parts)


def _paragraph(text: str) -> str:
    return visible(text).replace("<", "&lt;")


def _cells(values: Mapping[str, Any]) -> list[str]:
    return [
        number_text(value) if isinstance(value, float) else "" if value is None else str(value)
        for value in values.values()
    ]


def _columns(channels: ChannelMoves) -> dict[str, list[Any]]:
    return {
        field.name: [finite_or_none(value) for value in getattr(channels, field.name).tolist()]
        for field in fields(channels)
    }


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: finite_or_none(value) for name, value in values.items()}
