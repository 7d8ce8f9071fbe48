"""Choose the images that train and those that test, stratified by class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from acrank.data.stratify import Plan, quotas, rank
from acrank.errors import DataError
from acrank.experiments.parts.dealing import Deck, Held


class Classed(Protocol):
    """An image with the class that it is stratified by."""

    @property
    def key(self) -> str:
        """The id of the image."""

    @property
    def label(self) -> int:
        """The index of the class."""


One = TypeVar("One", bound=Classed)


def drawn(items: Sequence[One], classes: Sequence[str], count: int) -> list[One]:
    """Draw a number of items stratified by class; every call draws the same."""
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


class Member(NamedTuple):
    """An image with the rarest of its classes.

    Attributes:
        key: id of the image.
        label: index of the class in its mask that fewest images hold.
    """

    key: str
    label: int


@dataclass(frozen=True)
class Holdings:
    """The classes that each mask of a dataset holds.

    Attributes:
        name: name of the dataset.
        classes: names of its classes.
        keys: ids of its images.
        held: True where a mask holds a class, (N, K).
    """

    name: str
    classes: Sequence[str]
    keys: Sequence[str]
    held: Held

    def apart(
        self, share: float | None, samples: int | None
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Return the ids of images that train and of those kept back to test, always the same.

        Args:
            share: share of images to keep back, the same for rare classes; None for no images.
            samples: number of images to train on, rare classes among them; None for all.

        Raises:
            DataError: none can be kept back, or the training part lost a class.
        """
        members = self._by_rarest()
        kept = frozenset() if share is None else _kept_back(members, share)
        training = [member for member in members if member.key not in kept]
        if samples is not None:
            training = drawn(training, self.classes, samples)
        chosen = frozenset(member.key for member in training)
        self._require_classes(chosen)
        return chosen, kept

    def deck(self) -> Deck:
        """Return the images as they are dealt into folds, each by the rarest of its classes."""
        labels = [member.label for member in self._by_rarest()]
        return Deck(self.name, self.keys, labels, self.classes, self.held)

    def _by_rarest(self) -> list[Member]:
        rarity = np.where(self.held, self.held.sum(axis=0), len(self.held) + 1)
        labels = rarity.argmin(axis=1).tolist()
        return [Member(key, label) for key, label in zip(self.keys, labels, strict=True)]

    def _require_classes(self, chosen: frozenset[str]) -> None:
        """Refuse a training part without a pixel of some class, which it could not teach."""
        rows = [row for row, key in enumerate(self.keys) if key in chosen]
        absent = [n for label, n in enumerate(self.classes) if not self.held[rows, label].any()]
        if absent:
            raise DataError(
                f"{self.name}: no training mask holds {', '.join(absent)}.",
                hint="Use more training images (--samples), or a smaller --test-share.",
            )


def _kept_back(members: Iterable[Member], share: float) -> frozenset[str]:
    """Draw the test images, and leave at least one image of each class to train on."""
    pools: dict[int, list[str]] = {}
    for member in members:
        pools.setdefault(member.label, []).append(member.key)
    kept: set[str] = set()
    for pool in pools.values():
        keys = sorted(pool, key=lambda key: (rank(0, f"experiment\0{key}"), key))
        kept.update(keys[: min(max(round(share * len(keys)), 1), len(keys) - 1)])
    if not kept:
        raise DataError(
            "No class has two images with masks: none can be kept for the test.",
            hint="Give test images: a folder test/ or val/ beside train/.",
        )
    return frozenset(kept)
