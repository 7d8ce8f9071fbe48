"""Choosing entries of a zoo by what they are: tags, licence, size, whether they are cached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from acrank.zoo.describe import EntryInfo, describe
from acrank.zoo.entries import ZooEntry


@dataclass(frozen=True)
class ZooFilter:
    """Conditions that an entry must meet, all of them.

    Attributes:
        tags: every one of these is among the entry's.
        licenses: the entry's licence matches one of these names or wildcards.
        max_params_m: at most so many million parameters.
        cached: the weights are on this machine.
    """

    tags: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    max_params_m: float | None = None
    cached: bool = False

    def accepts(self, info: EntryInfo) -> bool:
        """Whether a described entry meets the conditions; an unknown licence or size does not."""
        name = (info.license or "").lower()
        return (
            set(self.tags) <= set(info.tags)
            and (not self.licenses or any(fnmatchcase(name, p.lower()) for p in self.licenses))
            and (self.max_params_m is None or 0 < info.params <= self.max_params_m * 1e6)
            and (info.cached or not self.cached)
        )


def describe_all(
    entries: Sequence[ZooEntry], wanted: ZooFilter, *, trust_code: bool = False
) -> Iterator[EntryInfo]:
    """Describe entries one by one, keeping those that meet the conditions."""
    for entry in entries:
        if set(wanted.tags) <= set(entry.tags):  # told without building the network
            info = describe(entry, trust_code=trust_code)
            if wanted.accepts(info):
                yield info
