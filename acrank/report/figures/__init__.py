"""Kinds of figures for reports: plain data classes that matplotlib draws."""

from acrank.report.figures.dots import Dot, Dots, Limit
from acrank.report.figures.lines import Feet, Line, Lines, Panel, Spans
from acrank.report.figures.matrix import Matrix
from acrank.report.figures.pictures import Picture, Pictures
from acrank.report.figures.scatter import Scatter, Spot

__all__ = [
    "Dot",
    "Dots",
    "Feet",
    "Limit",
    "Line",
    "Lines",
    "Matrix",
    "Panel",
    "Picture",
    "Pictures",
    "Scatter",
    "Spans",
    "Spot",
]
