"""Which images with masks train and which test, by the classes that they hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from acrank.data.stratify import rank
from acrank.errors import DataError
from acrank.experiments.benchmark.stratified import drawn

Held = npt.NDArray[np.bool_]


class Member(NamedTuple):
    """An image under one of its classes.

    Attributes:
        key: its id.
        label: index of the class in it that fewest images hold.
    """

    key: str
    label: int


@dataclass(frozen=True)
class Holdings:
    """What the masks of a dataset hold.

    Attributes:
        name: of the dataset.
        classes: names of its classes.
        keys: ids of its images.
        held: which classes each mask holds, (N, K).
    """

    name: str
    classes: Sequence[str]
    keys: Sequence[str]
    held: Held

    def apart(
        self, share: float | None, samples: int | None
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Ids of the images that train and of those that are kept back to test, always the same.

        Args:
            share: to keep back, of images with rare classes as of others; None for none.
            samples: images to train on, those with rare classes among them; None for all.

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

    def _by_rarest(self) -> list[Member]:
        rarity = np.where(self.held, self.held.sum(axis=0), len(self.held) + 1)
        labels = rarity.argmin(axis=1).tolist()
        return [Member(key, label) for key, label in zip(self.keys, labels, strict=True)]

    def _require_classes(self, chosen: frozenset[str]) -> None:
        """Refuse a part in which a class has no pixel: nothing could be learned of it."""
        rows = [row for row, key in enumerate(self.keys) if key in chosen]
        absent = [n for label, n in enumerate(self.classes) if not self.held[rows, label].any()]
        if absent:
            raise DataError(
                f"{self.name}: no training mask holds {', '.join(absent)}.",
                hint="Use more training images (--samples), or a smaller --test-share.",
            )


def _kept_back(members: Iterable[Member], share: float) -> frozenset[str]:
    """Test images; of each class's images one at least stays to train on."""
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
