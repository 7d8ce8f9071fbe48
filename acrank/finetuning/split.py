"""Split one dataset into training and validation images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from acrank.data.groups import Parting, whole_groups
from acrank.data.stratify import rank
from acrank.errors import DataError

Rows = npt.NDArray[np.int64]
# What to do where no image can be kept back.
HINT = (
    "Give more images of each class, or validation images with --val "
    "(of acrank choose: --set finetune.val=DATA)."
)


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


def split(
    sample: Whole, labels: Rows, share: float, seed: int, groups: Sequence[str | None] = ()
) -> tuple[Whole, Whole]:
    """Split a sample into training and validation images, each class by the same share.

    A class with two images or more has one on each side; one with a single image trains on it.
    Groups stay whole, and classes are split by the same share as well as these allow: every
    class trains, and those of a single group do nothing else.

    Args:
        sample: images to split.
        labels: a class of each image, (N,).
        share: share of the images that validate, in (0, 1).
        seed: seed of the choice.
        groups: the group of each image, None for one without; empty where there are no groups.

    Raises:
        DataError: no class has two images, or no group can be spared.
    """
    chosen = (
        _whole_groups(sample, labels, share, seed, groups)
        if groups
        else _images(sample, labels, share, seed)
    )
    validation = np.array(sorted(chosen), dtype=np.int64)
    training = np.setdiff1d(np.arange(len(labels), dtype=np.int64), validation)
    return sample.subset(training), sample.subset(validation)


def _images(sample: Splittable, labels: Rows, share: float, seed: int) -> list[int]:
    """Choose the rows of the images that validate."""
    chosen: list[int] = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label).tolist()
        rows.sort(key=lambda row: rank(seed, f"validation\0{sample.keys[row]}"))
        count = min(max(round(share * len(rows)), 1), len(rows) - 1)
        chosen += rows[:count]
    if not chosen:
        raise DataError(
            "No class has two images: none can be kept for validation.",
            hint=HINT,
        )
    return chosen


def _whole_groups(
    sample: Splittable, labels: Rows, share: float, seed: int, groups: Sequence[str | None]
) -> list[int]:
    """Choose the rows of the images of the groups that validate."""
    parting = Parting((1 - share, share), (1,))
    named = whole_groups(groups, sample.keys)
    parts = parting.parts(named, labels.tolist(), seed, "validation")
    chosen = [row for row, part in enumerate(parts) if part == 1]
    if not chosen:
        raise DataError(
            "No group can be kept for validation: each has all images of some class.",
            hint=HINT,
        )
    return chosen
