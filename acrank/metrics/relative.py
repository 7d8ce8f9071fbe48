"""Scores that exist only relative to a zoo: parts rescaled over its models, then combined.

A model's value changes with the company it is in, so these rank one zoo and compare to nothing
outside it.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike

from acrank.errors import MetricError
from acrank.metrics.feature_set import Array

# Relative differences that are none.
ROUNDING = 1e-12


def min_max_sum(parts: ArrayLike, signs: ArrayLike) -> Array:
    """Weighted sum of parts, each rescaled to [0, 1] over the models of a zoo.

    ``sum_p w_p (x_pm - min_m x_p) / (max_m x_p - min_m x_p)``. A part that is equal for all
    models contributes 0. A model with a part that is not finite is left out of every minimum
    and maximum, and comes out NaN; batches are rescaled apart from each other.

    NCTI (Wang et al., ICCV 2023) is the plain sum of its three parts, in [0, 3]. The
    released code keeps the variability term as a positive number and subtracts it, which
    differs by the constant 1 and ranks alike; adding that number, as a later benchmark does,
    ranks by the wrong sign.

    ETran (Gholami et al., ICCV 2023, arXiv 2308.02027) is the sum of energy and classification
    term; the released evaluation weighs them 0.15 and 0.85, giving [0, 1]. The weights that are
    used stand in the catalogue of metrics.

    Args:
        parts: parts of each model, shape (P, M), or (P, M, B) with B batches.
        signs: weight of each part, shape (P,); negative where lower is better.

    Returns:
        Shape (M,) or (M, B), higher is better, from the sum of negative weights to the sum of
        positive ones.

    Raises:
        MetricError: shapes that do not fit, or weights that are not finite.
    """
    values = _parts(parts)
    weights = np.asarray(signs, dtype=np.float64)
    if weights.shape != values.shape[:1] or not np.isfinite(weights).all():
        raise MetricError(f"{len(values)} parts need as many finite signs, not {weights}.")
    combined: Array = np.tensordot(weights, min_max(values), axes=1)
    return combined


def min_max(parts: ArrayLike) -> Array:
    """Each part rescaled to [0, 1] over the models; see :func:`min_max_sum`.

    The score of Juodelyte et al. (arXiv 2412.20172) is the product over parts of one minus
    this, of their feature quality and of :func:`acrank.metrics.gradients.gradient_ratio`, in
    both of which they take lower for better.

    Args:
        parts: shape (P, M) or (P, M, B).

    Returns:
        The same shape; NaN for a model that has a part that is not finite.

    Raises:
        MetricError: another number of dimensions.
    """
    values = _parts(parts)
    usable = np.isfinite(values).all(axis=0)
    values = np.where(usable, values, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nothing but NaN: stays NaN
        low = np.nanmin(values, axis=1, keepdims=True)
        high = np.nanmax(values, axis=1, keepdims=True)
    # Halved first, so that the distance of the ends cannot overflow.
    span = 0.5 * high - 0.5 * low
    # What rounding leaves between equal values must not be stretched to the whole range.
    equal = span <= ROUNDING * np.maximum(np.abs(low), np.abs(high))
    scaled: Array = (0.5 * values - 0.5 * low) / np.where(equal, 1.0, span)
    return np.where(equal & np.isfinite(values), 0.0, scaled)


def _parts(parts: ArrayLike) -> Array:
    values = np.asarray(parts, dtype=np.float64)
    if values.ndim not in (2, 3) or 0 in values.shape:
        raise MetricError(f"parts have shape {values.shape}.", hint="Give (P, M) or (P, M, B).")
    return values
