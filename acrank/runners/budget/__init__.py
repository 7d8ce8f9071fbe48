"""Runs that keep to a time: small samples first, and only the better models go on."""

from acrank.runners.budget.within import Scored, score_within

__all__ = ["Scored", "score_within"]
