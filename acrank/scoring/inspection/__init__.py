"""Explain one model layer by layer: where AC-Corr comes from, which channels the step moves."""

from acrank.scoring.inspection.types import ChannelMove, ChannelMoves, Explanation, LayerExplanation

__all__ = ["ChannelMove", "ChannelMoves", "Explanation", "LayerExplanation"]
