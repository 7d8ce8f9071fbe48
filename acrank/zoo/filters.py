"""Filter and sort the entries of a zoo."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from acrank.utils.licences import matches_license
from acrank.zoo.entries import ZooEntry
from acrank.zoo.listing import Listed, Lister

_KEYS: dict[str, Callable[[Listed], str | int | None]] = {
    "name": lambda listed: listed.info.name,
    "params": lambda listed: listed.info.params or None,
    "macs": lambda listed: listed.footprint.macs if listed.footprint else None,
    "memory": lambda listed: listed.footprint.memory if listed.footprint else None,
    "size": lambda listed: listed.size,
}
ORDERS = tuple(_KEYS)


@dataclass(frozen=True)
class ZooFilter:
    """Conditions that an entry must meet, all of them.

    Attributes:
        tags: every one of these is among the entry's.
        licenses: one of these licences; see :func:`acrank.utils.licences.matches_license`.
        min_params_m: at least so many million parameters.
        max_params_m: at most so many.
        max_macs_g: at most so many billion multiplications with addition.
        cached: the weights are on this machine.
    """

    tags: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    min_params_m: float | None = None
    max_params_m: float | None = None
    max_macs_g: float | None = None
    cached: bool = False

    def accepts(self, listed: Listed) -> bool:
        """Tell whether an entry meets all conditions; an unknown licence or size does not.

        Of an entry that cannot be described the sizes are not asked: no filter on them hides a
        fault.
        """
        info = listed.info
        return (
            set(self.tags) <= set(info.tags)
            and matches_license(info.license, self.licenses)
            and (info.cached or not self.cached)
            and (listed.reason is not None or self._accepts_size(listed))
        )

    def _accepts_size(self, listed: Listed) -> bool:
        macs = listed.footprint.macs if listed.footprint else None
        params = listed.info.params or None
        return _between(params, self.min_params_m, self.max_params_m, 1e6) and _between(
            macs, None, self.max_macs_g, 1e9
        )


def list_entries(
    entries: Sequence[ZooEntry], wanted: ZooFilter, lister: Lister
) -> Iterator[Listed]:
    """Describe entries one by one, keeping those that meet the conditions."""
    for entry in entries:
        # what is told without building the network, first
        if not set(wanted.tags) <= set(entry.tags):
            continue
        info = lister.unbuilt(entry)
        if wanted.cached and not info.cached:
            continue
        if info.license and not matches_license(info.license, wanted.licenses):
            continue
        listed = lister.built(entry, info)
        if wanted.accepts(listed):
            yield listed


def in_order(rows: Iterable[Listed], order: str | None) -> list[Listed]:
    """Rows from small to large, those where it is not known last; as they are without an order."""
    rows = list(rows)
    if order is None:
        return rows
    keys = [(_KEYS[order](row), row) for row in rows]
    known = [(key, row) for key, row in keys if key is not None]
    known.sort(key=lambda pair: pair[0])
    return [row for _, row in known] + [row for key, row in keys if key is None]


def _between(value: int | None, least: float | None, most: float | None, unit: float) -> bool:
    """Tell whether a number lies in a range that is given in larger units; None is no limit."""
    if least is None and most is None:
        return True
    most = math.inf if most is None else most
    return value is not None and (least or 0) <= value / unit <= most
