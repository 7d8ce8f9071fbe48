"""Check the arrays that metrics are given, and group them by class and image."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acrank.errors import MetricError

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def as_matrix(values: ArrayLike, name: str = "features") -> Array:
    """A matrix as float64, a row an image or a voxel.

    Raises:
        MetricError: no matrix, an empty one, or values that are not finite.
    """
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise MetricError(f"{name} has shape {matrix.shape}.", hint="It must be a matrix (N, D).")
    if not np.isfinite(matrix).all():
        bad = int((~np.isfinite(matrix)).sum())
        raise MetricError(f"{name} holds {bad} values that are infinite or not a number.")
    return matrix


def as_ids(values: ArrayLike, rows: int, name: str) -> Labels:
    """Ids of rows as numbers from 0, in the order of the ids, (N,).

    Raises:
        MetricError: other than one integer a row.
    """
    ids = np.asarray(values)
    if ids.shape != (rows,):
        raise MetricError(f"{name} has shape {ids.shape}, features have {rows} rows.")
    if ids.dtype.kind not in "iub":
        raise MetricError(f"{name} are {ids.dtype}.", hint="Give ids as integers.")
    codes: Labels = np.unique(ids, return_inverse=True)[1].astype(np.int64)
    return codes


def groups(*ids: Labels) -> list[NDArray[np.intp]]:
    """The rows of each combination of ids that occurs, sorted by the first id, then the next."""
    order = np.lexsort(ids[::-1])
    changes = np.any([np.diff(codes[order]) != 0 for codes in ids], axis=0)
    return np.split(order, np.flatnonzero(changes) + 1)
