"""Random parts of a sample, for the intervals of scores that are no means over batches."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

# How much of the sample a subsample holds. Measured: with halves, intervals of GBC, NCTI and SFDA
# are too narrow; with nine tenths, the rounding of class sizes is no longer small.
SHARE = 0.75
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
        count: how many.
        seed: of the draws.

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
        count: how many.
        seed: of the draws.

    Returns:
        ``count`` ascending index arrays, each of the rows of about three quarters of the images.
    """
    generator = np.random.default_rng(seed)
    known = np.unique(images)
    return [np.flatnonzero(np.isin(images, _part(known, generator))) for _ in range(count)]


def _part(rows: Rows, generator: np.random.Generator) -> Rows:
    size = int(SHARE * len(rows) + generator.random())
    return generator.permutation(rows)[: max(size, 1)]
