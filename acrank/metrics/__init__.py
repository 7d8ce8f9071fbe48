"""Transferability scores of a probe: what each is, which way is better, how it is computed."""

from acrank.metrics.registry import METRICS, Metric

__all__ = ["METRICS", "Metric"]
