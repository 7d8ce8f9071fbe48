"""Where models are scored: in this process, in worker processes, or on a Ray cluster."""

from acrank.engines.dispatch import score_all

__all__ = ["score_all"]
