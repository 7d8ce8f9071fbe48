"""Choose the layers and channels of an explanation to show."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from acrank.errors import ConfigError
from acrank.scoring.inspection.types import ChannelMove, Explanation, LayerExplanation
from acrank.utils.nearest import nearest


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
    for pattern in patterns:
        if not any(_matches(name, pattern) for name in names):
            raise ConfigError(
                f"No norm layer of {explained.result.model!r} matches {pattern!r}.",
                hint=nearest(pattern, names) or f"It has {len(names)}, such as {names[-1]!r}.",
            )
    return [
        layer
        for layer in explained.layers
        if any(_matches(layer.name, pattern) for pattern in patterns)
    ]


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


def _headed(where: str, moves: list[ChannelMove]) -> tuple[str, list[ChannelMove]]:
    if not moves:
        return f"{where}every channel is dead, so none is listed", moves
    these = f"the {len(moves)} channels that move" if len(moves) > 1 else "the channel that moves"
    text = f"{these} most"
    return where + text if where else text[0].upper() + text[1:], moves
