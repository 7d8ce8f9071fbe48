"""Measure the overlap of predicted and true masks (extra ``medical``)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
from torch import Tensor

from acrank.data.segmentation.classmap import IGNORE
from acrank.errors import MissingExtraError

# Measures of each class.
OVERLAPS = ("dice", "iou", "hd95")

Values = npt.NDArray[np.float64]


def require_overlaps() -> None:
    """Refuse at once if the library of measures is missing.

    Raises:
        MissingExtraError: MONAI is missing.
    """
    if find_spec("monai") is None:
        raise MissingExtraError("Fine-tuning on masks", "medical")


def overlaps(
    guess: Tensor, truth: Tensor, classes: Sequence[int], spacing: Sequence[float] | None = None
) -> Values:
    """Compute Dice, IoU and the 95th percentile Hausdorff distance of each class, by MONAI.

    A class that is in neither mask has no values (NaN). One that is in a single one of them has a
    Dice and IoU of 0, and the masks' diagonal for a distance, which nothing in them exceeds.

    Args:
        guess: predicted class indices (*S), on the CPU.
        truth: true class indices (*S); 255 is left out of both.
        classes: classes to measure.
        spacing: distance from one pixel to the next along each axis; None for 1.

    Returns:
        (len(classes), 3) in the order of :data:`OVERLAPS`; distances in the unit of ``spacing``.
    """
    known = truth != IGNORE
    sides = tuple(spacing or (1.0,) * truth.ndim)
    return np.array(
        [_of_one((guess == label) & known, (truth == label) & known, sides) for label in classes]
    )


def _of_one(guess: Tensor, truth: Tensor, spacing: Sequence[float]) -> tuple[float, float, float]:
    there = bool(guess.any()), bool(truth.any())
    if not any(there):
        return math.nan, math.nan, math.nan
    if not all(there):
        return 0.0, 0.0, math.hypot(*map(math.prod, zip(truth.shape, spacing, strict=True)))
    from monai.metrics import compute_dice, compute_hausdorff_distance, compute_iou

    pair = guess[None, None].float(), truth[None, None].float()
    with warnings.catch_warnings():
        # MONAI 1.6 warns of an argument that it passes itself
        warnings.simplefilter("ignore", FutureWarning)
        distance = compute_hausdorff_distance(
            *pair, include_background=True, percentile=95, spacing=list(spacing)
        )
    return float(compute_dice(*pair)), float(compute_iou(*pair)), float(distance)


def mean_known(values: Values) -> Values:
    """Average the known values over the first axis; NaN where none is known."""
    known = ~np.isnan(values)
    sums = np.where(known, values, 0.0).sum(axis=0)
    found: Values = np.divide(
        sums, known.sum(axis=0), out=np.full(sums.shape, np.nan), where=known.any(axis=0)
    )
    return found
