"""An explanation on a terminal: a summary, the layers, the channels that move most."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from acrank.report.explanation_text import (
    share_text,
    signed,
)
from acrank.report.ranking_text import number_text
from acrank.scoring.inspection import ChannelMove, Explanation, LayerExplanation

Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column: its heading, its cell, and how soon it goes when the terminal is narrow."""

    heading: str
    cell: Callable[[Row], str]
    expendable: int = 0
    left: bool = False


def layer_columns(explained: Explanation) -> list[Column[LayerExplanation]]:
    """What is shown of each layer.

    Args:
        explained: the network.
    """
    return [
        Column("layer", lambda layer: layer.name, left=True),
        Column("channels", lambda layer: str(layer.correlation.channels)),
        Column("dead", lambda layer: str(layer.correlation.dead or ""), 1),
        Column("ac_corr", lambda layer: number_text(layer.correlation.kept_sum)),
        Column("share", lambda layer: share_text(explained.share(layer)), 4),
        Column("per channel", lambda layer: number_text(layer.correlation.kept_mean), 3),
        Column("zero-drift", lambda layer: number_text(layer.correlation.zero_drift)),
        Column("excess", lambda layer: signed(layer.excess)),
        Column("crossed", lambda layer: number_text(layer.crossed), 2),
        Column("spread", lambda layer: number_text(layer.spread), 2),
        Column("drift", lambda layer: number_text(layer.drift)),
        Column("status", lambda layer: layer.status, left=True),
    ]


def channel_columns(moves: Sequence[ChannelMove]) -> list[Column[ChannelMove]]:
    """What is shown of channels, with as many decimals as tell before from after.

    Args:
        moves: all that stand in one table.
    """

    def pair(name: str) -> Callable[[ChannelMove], str]:
        before, after = f"{name}_before", f"{name}_after"
        places = _places([getattr(m, after) - getattr(m, before) for m in moves])
        return lambda m: f"{getattr(m, before):.{places}f} → {getattr(m, after):.{places}f}"

    def deviation(move: ChannelMove) -> str:
        known = not math.isnan(move.change_sd)
        return signed(move.change) + (f" ± {move.change_sd:.2g}" if known else "")

    return [
        Column("layer", lambda move: move.layer, left=True),
        Column("channel", lambda move: str(move.channel) + (" dead" if move.dead else "")),
        Column("moved", lambda move: number_text(move.moved)),
        Column("change", deviation, 3),
        Column("ratio", pair("ratio")),
        Column("gamma", pair("gamma"), 2),
        Column("beta", pair("beta"), 2),
        Column("crossed", lambda move: share_text(move.crossed, 0), 4),
        Column("kept", lambda move: number_text(move.kept), 4),
    ]


def _places(differences: Sequence[float]) -> int:
    """Decimals that show most of some differences to two digits."""
    sizes = sorted(abs(value) for value in differences if value)
    if not sizes:
        return 4
    usual = sizes[len(sizes) // 2]
    return min(max(1 - math.floor(math.log10(usual)), 2), 9)
