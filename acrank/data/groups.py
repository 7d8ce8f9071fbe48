"""Keep groups of images whole, such as those of one patient, where a dataset is parted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from acrank.data.stratify import rank
from acrank.errors import DataError

# Orders of the groups that are tried; the first of the best ones counts.
_TRIES = 10
# Stands for all classes together, so that parts get their share of images too.
_ALL = -1


def whole_groups(groups: Iterable[str | None], keys: Iterable[str]) -> list[str]:
    """Name the group of each image; one without a group is a group of its own.

    Args:
        groups: of the images, as their table names them; None for no group.
        keys: ids of the images.
    """
    return [
        f"image\0{key}" if group is None else f"group\0{group}"
        for group, key in zip(groups, keys, strict=True)
    ]


def require_groups(
    name: str, column: str, groups: Sequence[str | None], keys: Sequence[str]
) -> str:
    """Say in a sentence how many groups there are.

    Args:
        name: of the dataset.
        column: of its table, that names the groups.
        groups: of the images.
        keys: ids of the images.

    Raises:
        DataError: the images are of no group, or all of one.
    """
    number = len(set(whole_groups(groups or [None] * len(keys), keys)))
    if any(group is not None for group in groups) and number > 1:
        return f"{number} groups by {column}; no group is split"
    what = "names no group" if number > 1 else "has one group alone, which cannot be split"
    raise DataError(
        f"{name}: the column {column!r} {what}.",
        hint="Name with --group-column a column that tells the groups apart, or leave it out.",
    )


def refuse_shared(
    column: str, groups: Mapping[str, Sequence[str | None]], hint: str | None = None
) -> None:
    """Refuse parts of which two have images of one group.

    Args:
        column: of the tables, that names the groups.
        groups: of the images, by the options that name the parts.
        hint: how to mend it.

    Raises:
        DataError: a group is in two parts.
    """
    options = list(groups)
    for place, option in enumerate(options):
        for other in options[:place]:
            shared = sorted({*filter(None, groups[option])} & {*filter(None, groups[other])})
            if shared:
                shown = ", ".join(map(repr, shared[:5])) + (", ..." if len(shared) > 5 else "")
                raise DataError(
                    f"{option} has images of {len(shared)} group(s) by {column} that {other} has "
                    f"too: {shown}.",
                    hint=hint or "Keep all images of a group in one of them.",
                )


@dataclass(frozen=True)
class Parting:
    """The parts that groups are put into.

    Attributes:
        shares: the share of images, and of each class, that each part should get; their sum is 1.
        judging: numbers of the parts that are not trained on: one never takes all images of a
            class where another part can take some.
    """

    shares: Sequence[float]
    judging: Collection[int]

    def parts(
        self, groups: Sequence[str], labels: Sequence[int], seed: int, word: str
    ) -> list[int]:
        """Return the number of the part of each image; no group is in two parts.

        Groups are taken in an order that depends on the seed and their names alone, and each goes
        where its classes are missed most; of several such orders, the one counts that leaves
        fewest parts without a class, and then comes closest to the shares. This is the method of
        scikit-learn's ``StratifiedGroupKFold`` for parts of any share, and without its bias of
        small groups to the last part. No part that judges is empty if that can be had.

        Args:
            groups: of the images, (N,).
            labels: of the images, (N,).
            seed: of the order.
            word: stands for the purpose, so that splits of two purposes differ.
        """
        counts: dict[str, Counter[int]] = {}
        for group, label in zip(groups, labels, strict=True):
            counts.setdefault(group, Counter()).update((label, _ALL))
        tries = (_Try(self, counts, seed, f"{word}\0{number}") for number in range(_TRIES))
        best = min(tries, key=lambda found: found.cost)
        return [best.place[group] for group in groups]


class _Try:
    """The groups put into parts in one order.

    Attributes:
        place: the part of each group.
    """

    def __init__(
        self, parting: Parting, counts: Mapping[str, Counter[int]], seed: int, word: str
    ) -> None:
        self._parting = parting
        self._counts = counts
        self._total: Counter[int] = sum(counts.values(), Counter())
        self._filled: list[Counter[int]] = [Counter() for _ in parting.shares]
        self.place: dict[str, int] = {}
        order = sorted(counts, key=lambda group: (rank(seed, f"{word}\0{group}"), group))
        for group in order:
            self._put(group, max(self._open_to(group), key=lambda p: (self._missed(p, group), -p)))
        for part in parting.judging:
            self._fill(part, order)

    @property
    def cost(self) -> tuple[int, int, float]:
        """Classes that a part takes alone, classes that parts lack, and deviation from shares."""
        judged = [(self._filled[p], label) for p in self._parting.judging for label in self._total]
        alone = sum(filled[label] == self._total[label] for filled, label in judged)
        lacking = sum(filled[label] == 0 for filled, label in judged)
        return alone, lacking, self._deviation()

    def _put(self, group: str, part: int) -> None:
        self.place[group] = part
        self._filled[part].update(self._counts[group])

    def _open_to(self, group: str) -> list[int]:
        """The parts that leave some of each class to others; all where there are none."""
        every = range(len(self._filled))
        return [p for p in every if not self._takes_all(p, group)] or list(every)

    def _takes_all(self, part: int, group: str) -> bool:
        filled, counts = self._filled[part], self._counts[group]
        return part in self._parting.judging and any(
            filled[label] + count == self._total[label] for label, count in counts.items()
        )

    def _missed(self, part: int, group: str) -> float:
        """The weight with which the classes of a group are missed in a part."""
        share, filled = self._parting.shares[part], self._filled[part]
        return fsum(
            (share - filled[label] / self._total[label]) * count / self._total[label]
            for label, count in self._counts[group].items()
        )

    def _fill(self, part: int, order: Sequence[str]) -> None:
        """Move the group that fits best into a part that is empty."""
        if self._filled[part]:
            return
        rivals = Counter(self.place.values())
        movable = [
            group
            for group in order
            if rivals[self.place[group]] > 1 and not self._takes_all(part, group)
        ]
        if movable:
            group = max(movable, key=lambda group: self._gain(part, group))
            self._filled[self.place[group]].subtract(self._counts[group])
            self._put(group, part)

    def _gain(self, part: int, group: str) -> float:
        """Minus the distance of a part that is empty from its share, with a group in it."""
        share, counts = self._parting.shares[part], self._counts[group]
        return -fsum((counts[n] / self._total[n] - share) ** 2 for n in self._total)

    def _deviation(self) -> float:
        parts = zip(self._parting.shares, self._filled, strict=True)
        total = self._total
        return fsum((filled[n] / total[n] - share) ** 2 for share, filled in parts for n in total)
