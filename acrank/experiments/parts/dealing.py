"""Deal the images of a dataset into folds, each of which tests what the others train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
    """

    name: str
    keys: Sequence[str]
    labels: Sequence[int]
    classes: Sequence[str]
    held: Held

    def folds(self, count: int, seed: int) -> list[frozenset[str]]:
        """Return the ids of the test images of each fold.

        They depend on the seed, the ids and the classes alone. Sizes of two folds differ by at
        most one image, and so do the numbers of one class.

        Args:
            count: number of folds, 2 or more.
            seed: seed of the choice.

        Raises:
            DataError: there are fewer images than folds, or a fold would train without a class.
        """
        if not 2 <= count <= len(self.keys):
            raise DataError(
                f"{self.name}: {len(self.keys)} images cannot be dealt into {count} folds.",
                hint=f"Give a number of folds from 2 to {len(self.keys)}.",
            )
        rows = sorted(range(len(self.keys)), key=lambda row: self._place(row, seed))
        pools: dict[int, list[int]] = {}
        for row in rows:
            pools.setdefault(self.labels[row], []).append(row)
        dealt = deal([pools[label] for label in sorted(pools)], count)
        for tested in dealt:
            self._require_classes(tested, count)
        return [frozenset(self.keys[row] for row in tested) for tested in dealt]

    def notices(self, count: int) -> list[str]:
        """Say which classes are in fewer images than there are folds.

        Args:
            count: number of folds.
        """
        numbers = zip(self.classes, self.held.sum(axis=0).tolist(), strict=True)
        few = [f"{name!r} {number}" for name, number in numbers if number < count]
        told = f"{count} folds are more than the images of some classes ({', '.join(few)}), so that"
        return [f"{told} not every fold tests on them"] if few else []

    def _place(self, row: int, seed: int) -> tuple[bytes, str]:
        key = self.keys[row]
        return rank(seed, f"fold\0{key}"), key

    def _require_classes(self, tested: Sequence[int], count: int) -> None:
        """Refuse a fold whose training part could not teach some class."""
        numbers = np.delete(self.held, tested, axis=0).sum(axis=0)
        absent = np.flatnonzero(numbers == 0).tolist()
        if not absent:
            return
        images = int(self.held[:, absent[0]].sum())
        how = {0: "no image", 1: "a single image"}.get(images, f"{images} images, all in one fold,")
        raise DataError(
            f"{self.name}: {how} of the class {self.classes[absent[0]]!r}: one of {count} folds "
            "would have none to train on.",
            hint=f"Use fewer folds than {count}, more images of it, or test images in their place.",
        )
