"""Split one dataset into training and validation images."""

from __future__ import annotations

from typing import Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from acrank.data.stratify import rank
from acrank.errors import DataError

Rows = npt.NDArray[np.int64]


class Splittable(Protocol):
    """Images that can be split."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The ids of the images."""
        ...

    def subset(self, rows: Rows) -> Self:
        """Return the images of some rows."""
        ...


Whole = TypeVar("Whole", bound=Splittable)


def split(sample: Whole, labels: Rows, share: float, seed: int) -> tuple[Whole, Whole]:
    """Split a sample into training and validation images, each class by the same share.

    A class with two images or more has one on each side; one with a single image trains on it.

    Args:
        sample: images to split.
        labels: a class of each image, (N,).
        share: share of the images that validate, in (0, 1).
        seed: seed of the choice.

    Raises:
        DataError: no class has two images.
    """
    chosen: list[int] = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label).tolist()
        rows.sort(key=lambda row: rank(seed, f"validation\0{sample.keys[row]}"))
        count = min(max(round(share * len(rows)), 1), len(rows) - 1)
        chosen += rows[:count]
    if not chosen:
        raise DataError(
            "No class has two images: none can be kept for validation.",
            hint="Give validation images with --val.",
        )
    validation = np.array(sorted(chosen), dtype=np.int64)
    training = np.setdiff1d(np.arange(len(labels), dtype=np.int64), validation)
    return sample.subset(training), sample.subset(validation)
