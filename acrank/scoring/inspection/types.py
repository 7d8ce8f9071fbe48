"""The explanation of one model: the network, its layers and their channels."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acrank.errors import ConfigError
from acrank.norm.types import LayerCorrelation
from acrank.results import ModelResult
from acrank.utils.nearest import nearest

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ChannelMove:
    """The movement of one channel in the step; see :class:`ChannelMoves` for the numbers."""

    layer: str
    channel: int
    dead: bool
    moved: float
    change: float
    change_sd: float
    ratio_before: float
    ratio_after: float
    gamma_before: float
    gamma_after: float
    gamma_sd: float
    beta_before: float
    beta_after: float
    beta_sd: float
    kept: float
    crossed: float


@dataclass(frozen=True, eq=False)
class ChannelMoves:
    """The movements of one layer's channels, one number a channel in arrays of shape (C,).

    There is a trial for each batch (one step) or each training (several steps), each with a head
    of its own. What is called ``after`` is the mean over the trials, ``sd`` the standard
    deviation over them (NaN for a single trial).

    Attributes:
        dead: whether the channel passes no signal on.
        moved: root mean square of the change of the affine ratio over the trials.
        change: mean of its change, with its sign. Under heads drawn at random the trials mostly
            cancel out: then it is small beside ``moved``, though the channel does move.
        change_sd: standard deviation of its change.
        ratio_before: pretrained affine ratio, beta / (|gamma| + 1e-5).
        ratio_after: mean of the ratio after the step.
        gamma_before: pretrained scale.
        gamma_after: mean of the scale after the step.
        gamma_sd: its standard deviation.
        beta_before: pretrained shift.
        beta_after: mean of the shift after the step.
        beta_sd: its standard deviation.
        kept: mean of the kept mass, in (0, 1]; NaN for a channel that is left out, and for all of
            a tied layer.
        crossed: share of the trials in which the channel comes as near to another one of the
            source as it is to itself, so that it keeps that one too; NaN likewise.
    """

    dead: NDArray[np.bool_]
    moved: Floats
    change: Floats
    change_sd: Floats
    ratio_before: Floats
    ratio_after: Floats
    gamma_before: Floats
    gamma_after: Floats
    gamma_sd: Floats
    beta_before: Floats
    beta_after: Floats
    beta_sd: Floats
    kept: Floats
    crossed: Floats

    def __len__(self) -> int:
        return len(self.dead)

    def at(self, layer: str, channel: int) -> ChannelMove:
        """Return the movement of one channel.

        Args:
            layer: its layer's name.
            channel: its index.
        """
        values = {f.name: getattr(self, f.name)[channel].item() for f in fields(self)}
        return ChannelMove(layer, channel, **values)


@dataclass(frozen=True)
class LayerExplanation:
    """The explanation of one normalisation layer.

    Attributes:
        correlation: its AC-Corr, as ``acrank score`` has it.
        spread: standard deviation of the pretrained ratios over the live channels.
        drift: root mean square of the change of the ratios, over live channels and trials.
        channels: how each of them moves.
    """

    correlation: LayerCorrelation
    spread: float
    drift: float
    channels: ChannelMoves = field(repr=False)

    @property
    def name(self) -> str:
        """The name of the layer in its network."""
        return self.correlation.name

    @property
    def status(self) -> str:
        """``ok``, ``tied`` or ``swamped``; only an ``ok`` layer counts."""
        if self.correlation.tied:
            return "tied"
        return "swamped" if self.correlation.swamped else "ok"

    @property
    def excess(self) -> float:
        """The part of the layer's AC-Corr that the step added: kept sum less zero-drift value."""
        return self.correlation.kept_sum - self.correlation.zero_drift

    @property
    def crossed(self) -> float:
        """Channels that come as near to another one as to themselves, mean over the trials."""
        known = self.channels.crossed[~np.isnan(self.channels.crossed)]
        return float(known.sum()) if known.size else math.nan

    @property
    def zero_mean(self) -> float:
        """The zero-drift value per channel that takes part."""
        used = self.correlation.kept_sum / self.correlation.kept_mean
        return self.correlation.zero_drift / used


@dataclass(frozen=True)
class Explanation:
    """The explanation of one model on one sample, layer by layer.

    Attributes:
        result: as ``acrank score`` gives it, of the three forms of AC-Corr alone.
        layers: in the order of the network's modules.
        record: configuration, versions, dataset and device, as in the JSON file of a run.
        notes: sentences about the data and the network.
    """

    result: ModelResult
    layers: tuple[LayerExplanation, ...]
    record: dict[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def silence(self) -> str:
        """Why the network has no AC-Corr; empty if it has one."""
        return self.result.undefined.get("ac_corr", "")

    def share(self, layer: LayerExplanation) -> float:
        """A layer's part of the network's AC-Corr, from 0 to 1; NaN if it has none.

        Args:
            layer: of this network.
        """
        if self.silence or not layer.correlation.telling:
            return math.nan
        total = sum(each.correlation.kept_sum for each in self.layers if each.correlation.telling)
        return layer.correlation.kept_sum / total

    def most_moved(
        self, count: int, layers: Sequence[LayerExplanation] | None = None
    ) -> list[ChannelMove]:
        """Return the channels whose ratios move most, the farthest first.

        Dead channels are among them only where the run keeps them: their ratios, in the
        thousands, move by any amount.

        Args:
            count: largest number of channels.
            layers: where to look; None for the whole network.
        """
        keep_dead = self.record["config"]["dead_channels"] == "keep"
        best = [
            layer.channels.at(layer.name, int(index))
            for layer in (self.layers if layers is None else layers)
            for index in _farthest(layer.channels, count, keep_dead)
        ]
        return sorted(best, key=lambda move: -move.moved)[:count]


def _farthest(channels: ChannelMoves, count: int, keep_dead: bool) -> NDArray[np.intp]:
    listed = np.flatnonzero(~channels.dead | keep_dead)
    order: NDArray[np.intp] = listed[np.argsort(-channels.moved[listed], kind="stable")]
    return order[:count]


def listed_moves(
    explained: Explanation, count: int, patterns: Sequence[str] = ()
) -> list[tuple[str, list[ChannelMove]]]:
    """List the channels that move most, in the network or in each of some layers, with headings.

    Args:
        explained: the network.
        count: how many at most under each heading; 0 for none at all.
        patterns: names of layers, with wildcards; none for the whole network.

    Raises:
        ConfigError: a pattern matches no layer.
    """
    layers = choose_layers(explained, patterns)
    if not count:
        return []
    if not patterns:
        return [_headed("", explained.most_moved(count))]
    return [_headed(f"{each.name}: ", explained.most_moved(count, [each])) for each in layers]


def choose_layers(explained: Explanation, patterns: Sequence[str]) -> list[LayerExplanation]:
    """Return the layers that patterns name, in the network's order.

    Args:
        explained: the network.
        patterns: exact names, or wildcards.

    Raises:
        ConfigError: a pattern matches no layer.
    """
    names = [layer.name for layer in explained.layers]
    chosen: set[str] = set()
    for pattern in patterns:
        found = [name for name in names if name == pattern or fnmatch.fnmatchcase(name, pattern)]
        if not found:
            raise ConfigError(
                f"No norm layer of {explained.result.model!r} matches {pattern!r}.",
                hint=nearest(pattern, names) or f"It has {len(names)}, such as {names[-1]!r}.",
            )
        chosen.update(found)
    return [layer for layer in explained.layers if layer.name in chosen]


def _headed(where: str, moves: list[ChannelMove]) -> tuple[str, list[ChannelMove]]:
    if not moves:
        return f"{where}every channel is dead, so none is listed", moves
    these = f"the {len(moves)} channels that move" if len(moves) > 1 else "the channel that moves"
    text = f"{these} most"
    return where + text if where else text[0].upper() + text[1:], moves
