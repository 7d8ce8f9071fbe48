"""Rank results: order, uncertainty, consensus, merged parts."""

from acrank.ranking.order import rank_results

__all__ = ["rank_results"]
