"""Keep a run within a time budget: small samples first, and only the better models go on."""

from acrank.runners.budget.within import Scored, score_within

__all__ = ["Scored", "score_within"]
