"""Decide which models compete under a policy's limits, and which one is judged."""

from __future__ import annotations

from dataclasses import dataclass

from acrank.gate.rules import Policy
from acrank.metrics.registry import CONSENSUS, higher_is_better, is_fine_tuned
from acrank.ranking.statistics import interval, separable
from acrank.ranking.unknown import why_unknown
from acrank.results import RankedModel, Ranking


@dataclass(frozen=True)
class Contest:
    """A ranking under a policy's limits on size and licence.

    Attributes:
        ranking: all of it.
        policy: of the gate.
        candidates: ranked models within the limits, best first.
        excluded: ranked models beyond the limits, and why.
        judged: the backbone that the rules are about; None where there is none.
        baseline: an earlier run; None where the policy names none.
    """

    ranking: Ranking
    policy: Policy
    candidates: tuple[RankedModel, ...]
    excluded: dict[str, str]
    judged: RankedModel | None
    baseline: Ranking | None = None

    @property
    def sign(self) -> float:
        """1 where a higher score is better, else -1."""
        return 1.0 if higher_is_better(self.ranking.rank_by) else -1.0

    @property
    def name(self) -> str:
        """Name of the backbone that is judged."""
        return self.judged.result.model if self.judged else self.policy.require or ""

    @property
    def rivals(self) -> tuple[RankedModel, ...]:
        """The other candidates, best first."""
        return tuple(row for row in self.candidates if row is not self.judged)

    @property
    def place(self) -> int:
        """Place of the judged backbone among the candidates, within the limits or not."""
        rank = self.judged.rank if self.judged else None
        ahead = [row for row in self.rivals if rank is None or (row.rank or 0) < rank]
        return len(ahead) + 1

    def told_apart(self, other: RankedModel) -> bool | None:
        """Return whether the judged backbone can be told apart from another; None if unknown.

        By the paired t test of the table; in a consensus, by its tie groups. Of a race, all models
        are compared with the one that was chosen, and those alike with it are one group. Where it
        is known of one of them alone how far its score varies, the other's is taken as it is: they
        are alike if it lies in the interval of the one. If it does not, its own uncertainty might
        still make them alike. Equal scores are alike.
        """
        judged, by = self.judged, self.ranking.rank_by
        if judged is None or judged.score is None or other.score is None:
            return None
        if judged.score == other.score:
            return False
        groups = judged.tie_group, other.tie_group
        if is_fine_tuned(by):
            if None in groups:
                return True if 1 in (judged.rank, other.rank) else None
            return groups[0] != groups[1]
        if by == CONSENSUS:
            return None if None in groups else groups[0] != groups[1]
        pair = other.result.scores[by], judged.result.scores[by]
        apart = separable(*pair)
        if apart is None:
            for one, fixed in (pair, pair[::-1]):
                bounds = interval(one)
                if bounds and bounds[0] <= fixed.value <= bounds[1]:
                    return False
        return apart

    def why_unknown(self, other: RankedModel) -> str:
        """Why it is unknown whether two can be told apart, in words."""
        by = self.ranking.rank_by
        if is_fine_tuned(by):
            return "the race compared them only with what it chose"
        rows = [row for row in (self.judged, other) if row is not None]
        reasons = {row.result.model: why_unknown(row.result, by) for row in rows}
        said = [f"of {name}: {reason}" for name, reason in reasons.items() if reason]
        return "; ".join(said) or "the joint variation of their scores is unknown"


def hold(ranking: Ranking, policy: Policy, baseline: Ranking | None = None) -> Contest:
    """Apply a policy's limits to a ranking, beside which an earlier one may stand."""
    ranked = [row for row in ranking.rows if row.rank is not None]
    reasons = {row.result.model: policy.excludes(row.result) for row in ranked}
    candidates = tuple(row for row in ranked if not reasons[row.result.model])
    excluded = {name: reason for name, reason in reasons.items() if reason}
    judged = _judged(ranking, policy, candidates)
    return Contest(ranking, policy, candidates, excluded, judged, baseline)


def _judged(
    ranking: Ranking, policy: Policy, candidates: tuple[RankedModel, ...]
) -> RankedModel | None:
    if policy.require is None:
        return candidates[0] if candidates else None
    return next((row for row in ranking.rows if row.result.model == policy.require), None)
