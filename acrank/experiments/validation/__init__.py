"""Measure how well transferability metrics predict fine-tuned accuracies.

>>> import acrank
>>> result = acrank.validate("scores.csv", "accuracies.csv")  # doctest: +SKIP
>>> result.summary("logme").statistics["weighted_tau"]  # doctest: +SKIP
Statistic(value=0.67, low=0.41, high=0.83)
"""

from acrank.experiments.validation.results import Comparison, Statistic, Summary, Validation
from acrank.experiments.validation.run import validate

__all__ = ["Comparison", "Statistic", "Summary", "Validation", "validate"]
