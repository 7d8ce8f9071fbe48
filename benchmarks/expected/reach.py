"""Learn how accurate a pool's best candidate is from its score, to turn log odds into points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pooldata import Pool
from weigh import SLOTS, slot

from acrank.experiments.validation.agreement import Array

# What is known before any pool: log odds of 1.5 (an accuracy of 0.82), and one more for each place.
MIDDLE, WIDE = 1.5, 1.5
RISE, RISE_WIDE = 1.0, 0.5
# How far scores may lie apart in what they say of it.
SLOTS_APART = 0.7


def reach(pools: Sequence[Pool], best: Sequence[int]) -> dict[str, float]:
    """Fit log odds of the best candidate's accuracy to its score's place.

    Args:
        pools: what to learn of.
        best: place of the candidate that is expected to be the best, of each.

    Returns:
        ``reach``, ``reach_deviation``, ``unscored``, and ``reached_`` of each slot.
    """
    rows, found = [], []
    for pool, first in zip(pools, best, strict=True):
        where = slot(pool)
        row = np.zeros(len(SLOTS) + 3)
        if where:
            row[[0, 1, 3 + SLOTS.index(where)]] = 1, height(pool)[first], 1
        else:
            row[2] = 1
        rows.append(row)
        found.append(pool.odds[first])
    x, y = np.array(rows), np.array(found)
    middle = np.array([MIDDLE, RISE, MIDDLE, *np.zeros(len(SLOTS))])
    wide = np.array([WIDE, RISE_WIDE, WIDE, *np.full(len(SLOTS), SLOTS_APART)])
    deviation = 1.0
    for _ in range(20):  # until the deviation no longer moves
        information = x.T @ x / deviation**2 + np.diag(wide**-2.0)
        fitted = middle + np.linalg.solve(information, x.T @ (y - x @ middle) / deviation**2)
        spread = np.trace(x @ np.linalg.solve(information, x.T)) / len(y)
        deviation = float(np.sqrt(np.mean((y - x @ fitted) ** 2) + spread))
    slots = {f"reached_{name}": float(fitted[0] + fitted[3 + i]) for i, name in enumerate(SLOTS)}
    return {
        **{"reach": float(fitted[1]), "reach_deviation": deviation},
        **{"unscored": float(fitted[2]), **slots},
    }


def height(pool: Pool) -> Array:
    """Places of scores, with the logarithm of the number of classes where the score is LogME."""
    counted = np.log(pool.classes) if pool.score == "log_me" else 0.0
    return pool.place + counted
