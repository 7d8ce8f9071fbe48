"""Report the AC-Corr of one model by layers, and the channels that move most."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from acrank.metrics.registry import AC_CORR
from acrank.report.builders.explanation_figures import explanation_figure
from acrank.report.builders.explanation_words import (
    LAYER_LEGEND,
    channel_legend,
    score_interval,
    share_text,
    signed,
    summary,
)
from acrank.report.builders.ranking_words import number_text
from acrank.report.builders.run import dataset_name, images_section, run_facts, run_section
from acrank.report.document import (
    Block,
    Column,
    Document,
    Items,
    Records,
    Report,
    Section,
    Table,
    Text,
    tabulate,
)
from acrank.report.repeat import repeat_explanation
from acrank.results import finite_or_none
from acrank.results.record import to_record
from acrank.scoring.inspection import ChannelMove, ChannelMoves, Explanation, LayerExplanation

SCHEMA = 1
LAYER_COLUMNS = (
    *("layer", "channels", "dead", "status", *AC_CORR, "excess", "share", "crossed"),
    *("spread", "drift"),
)
CHANNEL_COLUMNS = tuple(field.name for field in fields(ChannelMove))
CAVEAT = (
    "AC-Corr measures, by one cheap step, how much of what they have learned the norm layers keep. "
    "It "
    "does not predict fine-tuned accuracy everywhere."
)

# Headings, each with the channels under it.
Moves = Sequence[tuple[str, Sequence[ChannelMove]]]


@dataclass(frozen=True)
class ExplanationReport(Report):
    """An explanation of one model, to show.

    Attributes:
        explained: the network.
        moves: the channels that move most, by heading.
        count: how many of them JSON lists, of the network and by layer.
    """

    explained: Explanation
    moves: Moves
    count: int = 10

    def document(self) -> Document:
        """Make the tables of layers and channels, with the outcome above them."""
        legend = Items(LAYER_LEGEND)
        return Document(
            (self.layers(), legend, *self.channels()), outcome=tuple(summary(self.explained))
        )

    def page(self, gallery: tuple[Block, ...] = ()) -> Document:
        """Make the whole report of a page.

        Args:
            gallery: images of the sample; empty for none.
        """
        explained = self.explained
        name, lines = explained.result.model, summary(explained)
        channels = self.channels()
        notes = [*explained.notes, *(f"{n}: {t}" for n, t in explained.result.flags.items())]
        return Document(
            (
                Section(
                    "Layers",
                    "layers",
                    (
                        *map(Text, lines[3:]),
                        explanation_figure(explained),
                        self.layers(),
                        *(Text(line, small=True) for line in LAYER_LEGEND),
                    ),
                ),
                *([Section("Channels", "channels", channels)] if channels else []),
                *([Section("Notes", "notes", (Items(tuple(notes)),))] if notes else []),
                *images_section(gallery),
                run_section(explained, repeat_explanation(explained.record, name)),
            ),
            title=f"{name} on {dataset_name(explained)}",
            outcome=tuple(lines[1:3]),  # the facts say what the first one does
            facts=run_facts(explained, self._scores()),
            caveat=CAVEAT,
        )

    def _scores(self) -> dict[str, str]:
        if self.explained.silence:
            return {}
        ends = score_interval(self.explained)
        between = {"95 % interval": " … ".join(map(number_text, ends))} if ends else {}
        return {**{n: number_text(self.explained.result.value(n)) for n in AC_CORR}, **between}

    def layers(self) -> Table:
        """Tabulate the layers in the network's order."""
        share = self.explained.share
        return tabulate(
            "The layers, in the network's order",
            [
                (Column("layer", words=True), lambda layer: layer.name),
                (Column("channels", priority=1), lambda layer: str(layer.correlation.channels)),
                (Column("dead", priority=2), lambda layer: str(layer.correlation.dead or "")),
                (Column("ac_corr"), lambda layer: number_text(layer.correlation.kept_sum)),
                (Column("share", priority=5), lambda layer: share_text(share(layer))),
                (
                    Column("per channel", priority=4),
                    lambda layer: number_text(layer.correlation.kept_mean),
                ),
                (Column("zero-drift"), lambda layer: number_text(layer.correlation.zero_drift)),
                (Column("excess"), lambda layer: signed(layer.excess)),
                (Column("crossed", priority=3), lambda layer: number_text(layer.crossed)),
                (Column("spread", priority=3), lambda layer: number_text(layer.spread)),
                (Column("drift"), lambda layer: number_text(layer.drift)),
                (Column("status", words=True), lambda layer: layer.status),
            ],
            self.explained.layers,
            tone=lambda layer: "" if layer.status == "ok" else "quiet",
            silent=True,
        )

    def channels(self) -> tuple[Block, ...]:
        """Tabulate each list of channels, and explain the columns."""
        tables = (_channel_table(heading, listed) for heading, listed in self.moves)
        legend = [Text(channel_legend(self.explained), small=True)] if self.moves else []
        return (*tables, *legend)

    def records(self) -> Records:
        """Make a CSV row for each layer; undefined values are empty."""
        return Records(LAYER_COLUMNS, [self._values(each) for each in self.explained.layers])

    def channel_records(self) -> Records:
        """Make a CSV row for every channel; undefined values are empty."""
        moves = (
            layer.channels.at(layer.name, index)
            for layer in self.explained.layers
            for index in range(len(layer.channels))
        )
        return Records(CHANNEL_COLUMNS, (_finite(asdict(move)) for move in moves))

    def data(self) -> dict[str, Any]:
        """Give scores and trials, layers, every channel and the configuration."""
        explained = self.explained
        result = to_record(explained.result)
        del result["layers"]  # they are below, with more in each
        return {
            "schema_version": SCHEMA,
            **explained.record,
            "notes": list(explained.notes),
            **result,
            "interval": score_interval(explained),
            "silence": explained.silence or None,
            "most_moved": [_finite(asdict(move)) for move in explained.most_moved(self.count)],
            "layers": [
                {
                    **self._values(layer),
                    "most_moved": [m.channel for m in explained.most_moved(self.count, [layer])],
                    "moves": _columns(layer.channels),
                }
                for layer in explained.layers
            ],
        }

    def _values(self, layer: LayerExplanation) -> dict[str, Any]:
        """Give one layer under the names of ``LAYER_COLUMNS``; None where there is no value."""
        found = layer.correlation
        share = self.explained.share(layer)
        values = (
            *(found.name, found.channels, found.dead, layer.status),
            *(found.kept_sum, found.kept_mean, found.zero_drift),
            *(layer.excess, share, layer.crossed, layer.spread, layer.drift),
        )
        return _finite(dict(zip(LAYER_COLUMNS, values, strict=True)))


def _channel_table(heading: str, moves: Sequence[ChannelMove]) -> Table:
    """Tabulate channels with as many decimals as tell before from after."""

    def pair(name: str) -> Callable[[ChannelMove], str]:
        before, after = f"{name}_before", f"{name}_after"
        places = _places([getattr(m, after) - getattr(m, before) for m in moves])
        return lambda m: f"{getattr(m, before):.{places}f} → {getattr(m, after):.{places}f}"

    def deviation(move: ChannelMove) -> str:
        known = not math.isnan(move.change_sd)
        return signed(move.change) + (f" ± {move.change_sd:.2g}" if known else "")

    return tabulate(
        heading,
        [
            (Column("layer", words=True), lambda move: move.layer),
            (Column("channel"), lambda move: str(move.channel) + (" dead" if move.dead else "")),
            (Column("moved"), lambda move: number_text(move.moved)),
            (Column("change", priority=3), deviation),
            (Column("ratio"), pair("ratio")),
            (Column("gamma", priority=2), pair("gamma")),
            (Column("beta", priority=2), pair("beta")),
            (Column("crossed", priority=4), lambda move: share_text(move.crossed, 0)),
            (Column("kept", priority=4), lambda move: number_text(move.kept)),
        ],
        moves,
    )


def _places(differences: Sequence[float]) -> int:
    """Count the decimals that show most of some differences to two digits."""
    sizes = sorted(abs(value) for value in differences if value)
    if not sizes:
        return 4
    usual = sizes[len(sizes) // 2]
    return min(max(1 - math.floor(math.log10(usual)), 2), 9)


def _columns(channels: ChannelMoves) -> dict[str, list[Any]]:
    return {
        field.name: [finite_or_none(value) for value in getattr(channels, field.name).tolist()]
        for field in fields(channels)
    }


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: finite_or_none(value) for name, value in values.items()}
