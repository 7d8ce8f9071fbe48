"""The kinds of normalisation layers, and AC-Corr of one layer: plain data without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NormKind = Literal["batch", "layer", "group", "instance"]
KINDS: tuple[NormKind, ...] = ("batch", "layer", "group", "instance")
BATCH: tuple[NormKind, ...] = ("batch",)

# AC-Corr is defined on BatchNorm (arXiv 2307.15282); on the others it is this project's
# generalisation of it.
NORM_NAMES: dict[str, str] = {
    "batch": "BatchNorm",
    "layer": "LayerNorm",
    "group": "GroupNorm",
    "instance": "InstanceNorm",
}


def is_generalised(kind: str | None) -> bool:
    """Return whether AC-Corr of such layers is a generalisation; false for BatchNorm and none.

    Args:
        kind: kind of the scored layers; None if there were none.
    """
    return kind not in (None, "batch")


@dataclass(frozen=True)
class LayerCorrelation:
    """AC-Corr of one layer.

    Attributes:
        name: name of the layer in its network.
        channels: number of its channels.
        dead: number of dead channels (whether left out or kept).
        tied: the ratios are nearly the same, or fewer than two channels are left: every row
            of C keeps nearly everything, the values are NaN and no mean counts them.
        swamped: the step moved the ratios farther (root mean square) than they spread
            (standard deviation), with the same effect; no mean counts its values either.
        kept_sum: kept mass summed over the channels, in (0, channels].
        kept_mean: kept mass per channel, in (0, 1].
        zero_drift: the trace of P with no step taken, in (0, channels].
    """

    name: str
    channels: int
    dead: int
    tied: bool
    swamped: bool
    kept_sum: float
    kept_mean: float
    zero_drift: float

    @property
    def telling(self) -> bool:
        """Return whether the layer says anything: neither tied nor swamped."""
        return not (self.tied or self.swamped)
