"""Judge a network by its weights alone: by how heavy the tails of their spectra are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from acrank.errors import MetricError
from acrank.metrics.arrays import Array
from acrank.metrics.guards import checked

# A spectrum of fewer eigenvalues has no tail to speak of; the least that WeightWatcher takes, too.
LEAST = 50


class Tail(NamedTuple):
    """The power law ``p(x) ~ x^-alpha`` that fits a spectrum from some eigenvalue on.

    Attributes:
        alpha: its exponent, above 1.
        start: the least eigenvalue that it describes.
        distance: the largest gap between its distribution and the eigenvalues', in [0, 1].
        size: how many eigenvalues from ``start`` on.
    """

    alpha: float
    start: float
    distance: float
    size: int


def alpha_hat(weights: Mapping[str, ArrayLike]) -> float:
    """Minus the weighted alpha of a network: mean over layers of ``alpha log10(lambda_max)``.

    Martin, Peng and Mahoney, "Predicting trends in the quality of state-of-the-art neural
    networks without access to training or testing data", Nature Communications 2021, arXiv
    2002.06716. Of each layer ``alpha`` is the exponent of the power law that fits the tail of
    its eigenvalues (:func:`fit_tail`), and ``lambda_max`` the largest of them
    (:func:`eigenvalues`). They found a lower weighted alpha in better networks; the sign is
    turned here.

    A convolution has one spectrum of all its kernel's positions, as in WeightWatcher since
    version 0.4, and counts as one layer; the paper fits each position for itself. Layers of
    fewer than 50 eigenvalues (``LEAST``) are left out, depthwise convolutions among them.

    Args:
        weights: of each layer by name: a matrix (O, I), or a kernel (O, I, ...).

    Returns:
        Any real number, higher is better. Unchanged by rotations on either side of a matrix,
        and by the order of layers; weights c times as large lower it by ``2 log10(c)`` times
        the mean alpha.

    Raises:
        MetricError: no layer has enough eigenvalues, or weights that are not finite.
    """
    terms = []
    for name, weight in weights.items():
        spectrum = eigenvalues(weight, name)
        tail = fit_tail(spectrum) if len(spectrum) >= LEAST else None
        if tail is not None:
            terms.append(tail.alpha * float(np.log10(spectrum[-1])))
    if not terms:
        raise MetricError(
            f"none of its {len(weights)} layers has {LEAST} eigenvalues that differ",
            hint="The weights of so small a network have no tail to fit.",
        )
    return checked(-sum(terms) / len(terms), -np.inf, np.inf, saturates=False)


def eigenvalues(weight: ArrayLike, name: str = "weight") -> Array:
    """The eigenvalues of ``W' W`` above zero, of all matrices of a layer together, ascending.

    Args:
        weight: a matrix (O, I), or a kernel (O, I, ...) with a matrix for each position.
        name: of the layer, for the message.

    Returns:
        At most min(O, I) of each matrix; what rounding leaves of zero is left out.

    Raises:
        MetricError: fewer than two dimensions, or values that are not finite.
    """
    kernel = np.asarray(weight, dtype=np.float64)
    if kernel.ndim < 2 or not kernel.size:
        raise MetricError(f"{name} has shape {kernel.shape}.", hint="Give (O, I) or (O, I, ...).")
    if not np.isfinite(kernel).all():
        raise MetricError(f"{name} holds values that are infinite or not a number.")
    matrices = np.moveaxis(kernel.reshape(*kernel.shape[:2], -1), -1, 0)
    if kernel.shape[0] > kernel.shape[1]:
        matrices = matrices.swapaxes(1, 2)  # the smaller side has the same eigenvalues
    values = np.linalg.eigvalsh(matrices @ matrices.swapaxes(1, 2)).ravel()
    rounding = max(kernel.shape[:2]) * np.finfo(np.float64).eps * max(values.max(), 0.0)
    return np.sort(values[values > rounding])


def fit_tail(values: ArrayLike) -> Tail | None:
    """Fit a power law to the upper end of some values, from where it fits best.

    Clauset, Shalizi and Newman, "Power-law distributions in empirical data", SIAM Review 2009,
    arXiv 0706.1062: for each value as the start the exponent of maximum likelihood,
    ``1 + n / sum log(x / start)`` over the n values from it on; that start is taken whose
    Kolmogorov distance ``max over i of |F(x_i) - (i - 1) / n|`` is least, x_1 to x_n ascending, the
    lowest of equals. It is taken at the values alone, with the share of those before each, as in
    the code of these authors and of WeightWatcher.

    Args:
        values: above zero, (M,).

    Returns:
        The law; None where the values do not differ.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    logs = np.log(ordered)
    best: Tail | None = None
    for first in range(len(ordered) - 1):
        above = logs[first:] - logs[first]
        total, count = float(above.sum()), len(above)
        if total <= 0.0:
            continue
        alpha = 1.0 + count / total
        gaps = -np.expm1(above * (1.0 - alpha)) - np.arange(count) / count
        distance = float(np.abs(gaps).max())
        if best is None or distance < best.distance:
            best = Tail(alpha, float(ordered[first]), distance, count)
    return best
