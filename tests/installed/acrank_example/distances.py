"""Distances between rows."""

import numpy as np
from numpy.typing import NDArray


def squared(rows: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared Euclidean distances between rows (N, D) and others (M, D), shape (N, M)."""
    distances: NDArray[np.float64] = ((rows[:, None] - others) ** 2).sum(axis=2)
    return distances
