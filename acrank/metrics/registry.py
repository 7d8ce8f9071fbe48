"""What each score is, and which way is better; names and directions, no computation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """What a reader must know of a score.

    Attributes:
        name: as in tables and on the command line.
        higher_is_better: the direction.
        bounds: the range, in words.
        summary: what it measures, in one line.
    """

    name: str
    higher_is_better: bool
    bounds: str
    summary: str


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("ac_corr", True, "(0, mean channels]", "AC-Corr: kept mass summed over a layer"),
        Metric("ac_corr_channel", True, "(0, 1]", "AC-Corr per channel, comparable across widths"),
        Metric("ac_corr_zero", True, "(0, mean channels]", "AC-Corr with no step: no target seen"),
    )
}
