"""AC-Corr of one layer, as results keep it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerCorrelation:
    """AC-Corr of one layer.

    Attributes:
        name: of the layer in its network.
        channels: how many it has.
        dead: how many of them are dead (whether left out or kept).
        tied: the ratios are nearly the same, or fewer than two channels are left: every row
            of C keeps nearly everything, the values are NaN and no mean counts them.
        swamped: the step moved the ratios farther (root mean square) than they lie apart
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
        """Whether the layer says anything: neither tied nor swamped."""
        return not (self.tied or self.swamped)
