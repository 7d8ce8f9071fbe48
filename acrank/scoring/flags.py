"""Flag layers that make AC-Corr say less than it seems: tied, swamped or dead."""

from __future__ import annotations

from collections.abc import Sequence

from acrank.norm.types import NORM_NAMES, LayerCorrelation, NormKind

# A share of dead channels that a reader should know of.
DEAD_SHARE = 0.1


def why_silent(layers: Sequence[LayerCorrelation], kind: NormKind) -> str:
    """Say why AC-Corr is undefined where most layers are silent; empty otherwise."""
    silent = [layer for layer in layers if not layer.telling]
    if len(silent) * 2 <= len(layers):
        return ""
    if sum(layer.tied for layer in silent) * 2 >= len(silent):
        cause = "have tied affines (never or barely trained)"
    else:
        cause = "moved farther than the distances between their channels (a smaller --lr may help)"
    return f"{len(silent)} of {len(layers)} {NORM_NAMES[kind]} layers {cause}."


def layer_flags(layers: Sequence[LayerCorrelation]) -> dict[str, str]:
    """Return the flags of a model: how many layers are tied or swamped, how many channels dead."""
    flags = {}
    tied = sum(layer.tied for layer in layers)
    if tied:
        flags["tied-affines"] = f"{tied} of {len(layers)} layers"
    swamped = sum(layer.swamped for layer in layers)
    if swamped:
        flags["drift-exceeds-spread"] = f"{swamped} of {len(layers)} layers"
    dead = sum(layer.dead for layer in layers)
    channels = sum(layer.channels for layer in layers)
    if dead > DEAD_SHARE * channels:
        flags["dead-channels"] = f"{dead} of {channels} channels ({dead / channels:.0%})"
    return flags
