"""Rules that a backbone must meet, and the verdict on a ranking."""

from acrank.gate.judge import Verdict, judge
from acrank.gate.policy import Policy, read_policy

__all__ = ["Policy", "Verdict", "judge", "read_policy"]
