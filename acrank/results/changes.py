"""Compare two runs: models that are new, gone or moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from acrank.metrics.registry import is_relative
from acrank.results.difference import Difference, differences
from acrank.results.types import RankedModel, Ranking, all_flags


@dataclass(frozen=True)
class Move:
    """A model of both runs.

    Attributes:
        old: its row in the first run.
        new: its row in the second.
        metrics: those of the second run, whose guards count.
        comparable: whether both scores are of one metric.
    """

    old: RankedModel
    new: RankedModel
    metrics: tuple[str, ...] = ()
    comparable: bool = True

    @property
    def model(self) -> str:
        """Its name."""
        return self.new.result.model

    @property
    def difference(self) -> float | None:
        """New score less old; None unless both are there, and of one metric."""
        if not self.comparable or self.old.score is None or self.new.score is None:
            return None
        return self.new.score - self.old.score

    @property
    def reweighted(self) -> bool:
        """Return whether the weights are known to be others."""
        old, new = self.old.result.revision, self.new.result.revision
        return old is not None and new is not None and old != new

    @property
    def raised(self) -> tuple[str, ...]:
        """Flags and guards that the second run has and the first had not."""
        before = set(all_flags(self.old.result, self.metrics))
        return tuple(f for f in all_flags(self.new.result, self.metrics) if f not in before)

    @property
    def changed(self) -> bool:
        """Return whether anything but its time is new."""
        places = (self.old.rank, self.old.score), (self.new.rank, self.new.score)
        kinds = self.old.result.status != self.new.result.status
        return places[0] != places[1] or kinds or self.reweighted or bool(self.raised)


@dataclass(frozen=True)
class Changes:
    """Two runs side by side.

    Attributes:
        differences: of data, settings and device; empty if the scores can be compared.
        versions: of libraries that differ.
        moves: models of both, in the order of the second run.
        new: models of the second run only, in its order.
        gone: models of the first run only, in its order.
    """

    differences: tuple[Difference, ...]
    versions: tuple[Difference, ...]
    moves: tuple[Move, ...]
    new: tuple[RankedModel, ...]
    gone: tuple[RankedModel, ...]

    @property
    def changed(self) -> tuple[Move, ...]:
        """Models of both runs of which something changed."""
        return tuple(move for move in self.moves if move.changed)


def changes(old: Ranking, new: Ranking) -> Changes:
    """Compare two runs.

    Args:
        old: the first.
        new: the second.
    """
    before = {row.result.model: row for row in old.rows}
    after = {row.result.model for row in new.rows}
    return Changes(
        differences=(*differences(old.record, new.record), *_of_company(old, new)),
        versions=_versions(old.record["versions"], new.record["versions"]),
        moves=tuple(
            Move(before[row.result.model], row, new.metrics, old.rank_by == new.rank_by)
            for row in new.rows
            if row.result.model in before
        ),
        new=tuple(row for row in new.rows if row.result.model not in before),
        gone=tuple(row for row in old.rows if row.result.model not in after),
    )


def _of_company(old: Ranking, new: Ranking) -> list[Difference]:
    """A score that is relative to the other models is no other's in other company."""
    by = new.rank_by
    names = [sorted(row.result.model for row in ranking.rows) for ranking in (old, new)]
    if not is_relative(by) or names[0] == names[1]:
        return []
    only = [", ".join(sorted(set(a) - set(b))) for a, b in (names, names[::-1])]
    return [Difference(f"the models, to which {by} is relative", *(f"[{text}]" for text in only))]


def _versions(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Difference, ...]:
    names = sorted({*old, *new})
    found = (Difference(name, old.get(name), new.get(name)) for name in names)
    return tuple(one for one in found if one.first != one.second)
