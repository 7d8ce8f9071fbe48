"""Draw random parts of a sample, for intervals of scores that are no means over batches."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

# How much of the sample a subsample holds. Measured: with halves, intervals of GBC, NCTI and SFDA
# are too narrow; with nine tenths, the rounding of class sizes is no longer small.
SHARE = 0.75
# Where more classes than this share have one image, intervals are too narrow: see
# benchmarks/README.md.
SINGLE = 0.25
# A subsample varies about the sample by this much less than the sample about its population.
WIDEN = math.sqrt(SHARE / (1 - SHARE))


def subsamples(labels: NDArray[np.int64], count: int, seed: int) -> list[Rows]:
    """Random three quarters of a sample, stratified by class, without replacement.

    The classical bootstrap draws with replacement. Here that would mislead: a copy of an image
    is its own nearest neighbour, and k-NN, LogME and every other score that sees distances rises
    with the number of copies. A part of the sample has no copies, and varies about the whole by
    a known share of what the whole varies by (for a mean, and nearly for what behaves like one):
    see ``WIDEN``.

    Args:
        labels: class of each image, shape (N,).
        count: number of parts.
        seed: seed of the random draws.

    Returns:
        ``count`` ascending index arrays. Three quarters of a class are rounded up or down at
        random, so that they are three quarters on average; a class keeps one image at least.

    Source:
        Politis, Romano, Wolf, Subsampling, Springer 1999; Shao, Wu, A General Theory for
        Jackknife Variance Estimation, Annals of Statistics 17, 1989 (delete-d jackknife).
    """
    generator = np.random.default_rng(seed)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return [
        np.sort(np.concatenate([_part(rows, generator) for rows in members])) for _ in range(count)
    ]


def subsamples_of_images(images: NDArray[np.int64], count: int, seed: int) -> list[Rows]:
    """Like :func:`subsamples` where rows are pixels: whole images, for theirs are alike.

    Args:
        images: the image that each row is of, shape (N,).
        count: number of parts.
        seed: seed of the random draws.

    Returns:
        ``count`` ascending index arrays, each of the rows of about three quarters of the images.
    """
    generator = np.random.default_rng(seed)
    known = np.unique(images)
    return [np.flatnonzero(np.isin(images, _part(known, generator))) for _ in range(count)]


def degrees_of_freedom(labels: NDArray[np.int64], images: NDArray[np.int64] | None = None) -> int:
    """Return the degrees of freedom that a sample has, however many parts are drawn from it.

    Args:
        labels: class of each row, shape (N,).
        images: the image that each row is of, where rows are pixels; None for one each.

    Returns:
        Images beyond the first of their class; of pixels, images beyond the first.
    """
    if images is not None:
        return len(np.unique(images)) - 1
    return len(labels) - len(np.unique(labels))


def too_few_images(labels: NDArray[np.int64], images: NDArray[np.int64] | None = None) -> str:
    """Why parts of a sample would not tell how far a score varies; empty where they do.

    A class keeps one image at least, so that the only image of a class is in every part.

    Args:
        labels: class of each row, shape (N,).
        images: the image that each row is of, where rows are pixels; None for one each.
    """
    if images is not None:
        return "" if len(np.unique(images)) > 1 else "all pixels are of one image"
    counts = np.unique(labels, return_counts=True)[1]
    single = int((counts == 1).sum())
    return (
        f"{single} of {len(counts)} classes have one image" if single > SINGLE * len(counts) else ""
    )


def _part(rows: Rows, generator: np.random.Generator) -> Rows:
    size = int(SHARE * len(rows) + generator.random())
    return generator.permutation(rows)[: max(size, 1)]
