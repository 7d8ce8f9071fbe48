"""Order images or volumes with labels for drawing, and part them into batches."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from acrank.data import stratify
from acrank.data.base import AnySample, Rows
from acrank.data.notices import class_notices
from acrank.data.segmentation.classmap import IGNORE
from acrank.errors import DataError


class _HasKey(Protocol):
    @property
    def key(self) -> str: ...


class _HasItems(Protocol):
    @property
    def items(self) -> Sequence[_HasKey]: ...


Keyed = TypeVar("Keyed", bound=_HasKey)
Drawn = TypeVar("Drawn", bound=AnySample)


def plan_pairs(available: int, samples: int, batch_size: int) -> stratify.Plan:
    """Fit whole batches into the pairs asked for and available."""
    # each image may hold all the classes, so none of them limits the batches
    return stratify.plan([1] * available, samples, batch_size)


def in_drawing_order(items: Sequence[Keyed], seed: int) -> list[Keyed]:
    """All the items; which come first depends on the seed and their keys alone."""
    return sorted(items, key=lambda pair: (stratify.rank(seed, pair.key), pair.key))


def deal_batches(held: npt.NDArray[np.bool_], batches: int) -> tuple[Rows, ...]:
    """Deal images of several classes first, so that every batch gets one if there are enough.

    Images of a single class follow, class by class: those of one class then meet others where
    there are as many of these as batches (see :func:`stratify.deal`).
    """
    groups: dict[int, list[int]] = {}
    for row, classes in enumerate(held):
        only = -1 if classes.sum() > 1 else int(classes.argmax()) if classes.any() else IGNORE
        groups.setdefault(only, []).append(row)
    ordered = [groups[only] for only in sorted(groups)]
    return tuple(np.array(rows, dtype=np.int64) for rows in stratify.deal(ordered, batches))


def class_warnings(
    name: str,
    classes: Sequence[str],
    held: npt.NDArray[np.bool_],
    batches: Sequence[Rows],
    size: str = "image_size",
) -> list[str]:
    """Say which classes fell short.

    Args:
        name: of the dataset.
        classes: of it.
        held: which of them each mask holds.
        batches: of the masks.
        size: the setting that decides how much of an object is seen.

    Raises:
        DataError: all but one.
    """
    present = np.flatnonzero(held.any(axis=0))
    if len(present) < 2:
        found = f"only {classes[present[0]]!r}" if len(present) else "no class"
        raise DataError(
            f"{name}: the {len(held)} masks drawn hold {found}.",
            hint=f"Ask for more samples, or for a larger {size} if the objects are small.",
        )
    single = sum(int(held[rows].any(axis=0).sum()) < 2 for rows in batches)
    return class_notices(len(present), len(classes), single, len(batches), size)


def smaller_segmentation(
    whole: Drawn, target: _HasItems, samples: int, batch_size: int, seed: int
) -> Drawn:
    """Draw fewer images or volumes from those that are decoded already, as a new draw would.

    Args:
        whole: a larger draw from the same target, with the same seed.
        target: the dataset.
        samples: how many to draw; rounded down to whole batches.
        batch_size: the size of a batch.
        seed: chooses them.
    """
    plan = plan_pairs(len(target.items), samples, batch_size)
    places = {key: place for place, key in enumerate(whole.keys)}
    drawn = in_drawing_order(target.items, seed)[: plan.total]
    rows = np.array([places[item.key] for item in drawn], dtype=np.int64)
    return whole.part(rows, deal_batches(whole.held()[rows], plan.batches))
