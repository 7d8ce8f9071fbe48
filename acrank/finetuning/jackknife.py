"""Spread a measure over the images that it is computed from, by the jackknife."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Values = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def pseudo_values(measure: float, values: Values, share: float) -> Values:
    """Compute the pseudo-values of a measure that is a sum of means over groups of images.

    The pseudo-value of an image is N times the measure of all N images, less N - 1 times that of
    the others. Their mean is the measure, and their standard error is that of the measure: groups
    are as large as they are, so each group's own spread counts. A single image has no spread, so
    groups of one image are taken together, or one alone with the smallest of the others
    (collapsed strata: Cochran, Sampling Techniques, 1977).

    Args:
        measure: the measure of all images; NaN where it is not defined.
        values: value of each image in each group whose mean counts, (N, G); NaN where the image
            is not in the group.
        share: factor of each group's mean in the measure.

    Returns:
        (N,); all NaN where the measure is.
    """
    counts = (~np.isnan(values)).sum(axis=0)
    single = counts == 1
    if single.sum() == 1 and (counts > 1).any():
        single[np.where(counts > 1, counts, len(values) + 1).argmin()] = True
    apart = np.zeros(len(values))
    for columns in (np.flatnonzero(single), *np.flatnonzero(~single)[:, None]):
        apart += _apart(values[:, columns])
    spread: Values = measure + (len(values) - 1) * share * apart
    return spread


def _apart(values: Values) -> Values:
    """Compute what the sum of some groups' means loses without each image, (N,)."""
    there = ~np.isnan(values)
    if not there.any():
        return np.zeros(len(values))
    weights = there / np.maximum(there.sum(axis=0), 1)
    mean = (weights * np.where(there, values, 0.0)).sum() / weights.sum()
    count = int(there.sum())
    lost: Values = (weights * np.where(there, values - mean, 0.0)).sum(axis=1)
    lost *= count / max(count - 1, 1)
    return lost


def f1_pseudo_values(labels: Labels, said: Labels) -> Values:
    """Compute the pseudo-values of macro F1 over the classes that are there or were predicted.

    Where the image that is left out was the only one of a class, true and predicted, the mean of
    all takes the place of its F1.

    Args:
        labels: class of each image, (N,).
        said: predicted class of each image, (N,).

    Returns:
        (N,).
    """
    classes, places = np.unique(np.concatenate((labels, said)), return_inverse=True)
    true, guess = places.reshape(2, -1)
    sizes = np.bincount(places, minlength=len(classes))
    right = np.bincount(true[true == guess], minlength=len(classes))
    f1 = 2 * right / sizes
    both = true == guess
    # what leaving an image out takes from the class that it is of, and from that it was taken for
    fewer = np.where(both, 2, 1)
    change = _f1(right[true] - both, sizes[true] - fewer, f1.mean()) - f1[true]
    other = _f1(right[guess], sizes[guess] - 1, f1.mean()) - f1[guess]
    change += np.where(both, 0.0, other)
    spread: Values = f1.mean() - (len(labels) - 1) * change / len(classes)
    return spread


def _f1(right: Labels, sizes: Labels, otherwise: float) -> Values:
    """Divide twice the hits by true and predicted images; ``otherwise`` where there are none."""
    return np.where(sizes > 0, 2 * right / np.maximum(sizes, 1), otherwise)


def placements(scores: Values, positive: npt.NDArray[np.bool_]) -> Values:
    """Compute how far each image is on its side in the ROC curve (DeLong et al. 1988).

    The AUROC is the mean over the positives, and that over the negatives.

    Args:
        scores: score of each image, (N,), higher for positives.
        positive: which images are positives, (N,), some and not all.

    Returns:
        (N, 2): of a positive, the share of negatives with a lower score, equal ones half, and NaN;
        of a negative, NaN and the share of positives with a higher score.
    """
    found = np.full((len(scores), 2), np.nan)
    # the rank among all, less that among its own kind, counts those of the other kind below it
    below = rankdata(scores)
    for column, kind in enumerate((positive, ~positive)):
        shares = (below[kind] - rankdata(scores[kind])) / (~kind).sum()
        found[kind, column] = 1 - shares if column else shares
    return found
