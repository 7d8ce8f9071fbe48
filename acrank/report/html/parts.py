"""What the figures of a page have in common."""

from __future__ import annotations

from dataclasses import dataclass

from acrank.report.tables import Table

# How wide figures are drawn, in CSS pixels: a phone shows them a little smaller, a desk larger.
WIDTH = 380.0


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes:
        title: above it.
        svg: an element of :func:`acrank.report.plotting.to_svg`.
        table: its data.
        note: how to read it, or what it shows.
    """

    title: str
    svg: str
    table: Table
    note: str = ""
