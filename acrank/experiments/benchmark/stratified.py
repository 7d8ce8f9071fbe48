"""Which images of a dataset take part in an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from acrank.data.stratify import Plan, quotas, rank


class Labelled(Protocol):
    """An image of one class, or under one."""

    @property
    def key(self) -> str:
        """Its id."""

    @property
    def label(self) -> int:
        """Index of the class."""


One = TypeVar("One", bound=Labelled)


def drawn(items: Sequence[One], classes: Sequence[str], count: int) -> list[One]:
    """So many items, stratified by class, the same ones always."""
    pools: dict[int, list[One]] = {}
    for item in items:
        pools.setdefault(item.label, []).append(item)
    labels = sorted(pools)
    for label in labels:
        pools[label].sort(key=lambda item: (rank(0, f"experiment\0{item.key}"), item.key))
    ranks = [rank(0, classes[label]) for label in labels]
    sizes, total = [len(pools[label]) for label in labels], min(count, len(items))
    # a single one: every image with a mask may hold all classes
    shares = quotas(sizes, ranks, Plan(total, 1)) if len(labels) > 1 else [total]
    chosen = {
        item.key
        for label, share in zip(labels, shares, strict=True)
        for item in pools[label][:share]
    }
    return [item for item in items if item.key in chosen]
