"""One model, layer by layer: where its AC-Corr comes from, and which channels the step moves."""

from acrank.scoring.inspection.types import ChannelMove, ChannelMoves, Explanation, LayerExplanation

__all__ = ["ChannelMove", "ChannelMoves", "Explanation", "LayerExplanation"]
