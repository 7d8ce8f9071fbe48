"""Deal the images of a dataset into folds, each of which tests what the others train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acrank.data.groups import Parting, whole_groups
from acrank.data.stratify import deal, rank
from acrank.errors import DataError

Held = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Deck:
    """The images that are dealt into folds.

    Attributes:
        name: name of the dataset.
        keys: ids of the images.
        labels: the class of each image by which they are stratified, (N,).
        classes: names of the classes that every fold has to train on.
        held: True where an image is of a class, or its mask holds it, (N, K).
        groups: the group of each image, None for one without; empty where there are no groups.
    """

    name: str
    keys: Sequence[str]
    labels: Sequence[int]
    classes: Sequence[str]
    held: Held
    groups: Sequence[str | None] = ()

    def folds(self, count: int, seed: int) -> list[frozenset[str]]:
        """Return the ids of the test images of each fold.

        They depend on the seed, the ids and the classes alone. Sizes of two folds differ by at
        most one image, and so do the numbers of one class. Groups are whole; sizes then are as
        equal as these allow.

        Args:
            count: number of folds, 2 or more.
            seed: seed of the choice.

        Raises:
            DataError: there are fewer images than folds, or a fold would train without a class.
        """
        groups = whole_groups(self.groups, self.keys) if self.groups else list(self.keys)
        most, what = len(set(groups)), "groups" if self.groups else "images"
        if not 2 <= count <= most:
            raise DataError(
                f"{self.name}: {most} {what} cannot be dealt into {count} folds.",
                hint=f"Give a number of folds from 2 to {most}.",
            )
        dealt = self._by_group(groups, count, seed) if self.groups else self._deal(count, seed)
        for tested in dealt:
            self._require_classes(tested, count)
        return [frozenset(self.keys[row] for row in tested) for tested in dealt]

    def _deal(self, count: int, seed: int) -> list[list[int]]:
        rows = sorted(range(len(self.keys)), key=lambda row: self._place(row, seed))
        pools: dict[int, list[int]] = {}
        for row in rows:
            pools.setdefault(self.labels[row], []).append(row)
        return deal([pools[label] for label in sorted(pools)], count)

    def _by_group(self, groups: Sequence[str], count: int, seed: int) -> list[list[int]]:
        parts = Parting([1 / count] * count, range(count)).parts(groups, self.labels, seed, "fold")
        return [[row for row, part in enumerate(parts) if part == fold] for fold in range(count)]

    def notices(self, count: int) -> list[str]:
        """Say which classes are in fewer images, or groups of them, than there are folds.

        Args:
            count: number of folds.
        """
        numbers = [self._groups_of(label) for label in range(len(self.classes))]
        named = zip(self.classes, numbers, strict=True)
        few = [f"{name!r} {number}" for name, number in named if number < count]
        what = "groups" if self.groups else "images"
        told = f"{count} folds are more than the {what} of some classes ({', '.join(few)}), so that"
        return [f"{told} not every fold tests on them"] if few else []

    def _place(self, row: int, seed: int) -> tuple[bytes, str]:
        key = self.keys[row]
        return rank(seed, f"fold\0{key}"), key

    def _groups_of(self, label: int) -> int:
        """Count the images that hold a class, or their groups where there are groups."""
        groups = whole_groups(self.groups, self.keys) if self.groups else self.keys
        return len({groups[row] for row in np.flatnonzero(self.held[:, label]).tolist()})

    def _require_classes(self, tested: Sequence[int], count: int) -> None:
        """Refuse a fold whose training part could not teach some class."""
        numbers = np.delete(self.held, tested, axis=0).sum(axis=0)
        absent = np.flatnonzero(numbers == 0).tolist()
        if not absent:
            return
        images = int(self.held[:, absent[0]].sum())
        one = "group" if self.groups and self._groups_of(absent[0]) == 1 else "fold"
        many = f"{images} images, all in one {one},"
        how = {0: "no image", 1: "a single image"}.get(images, many)
        raise DataError(
            f"{self.name}: {how} of the class {self.classes[absent[0]]!r}: one of {count} folds "
            "would have none to train on.",
            hint=f"Use fewer folds than {count}, more images of it, or test images in their place.",
        )
