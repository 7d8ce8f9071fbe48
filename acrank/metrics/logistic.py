"""Fit multinomial logistic regression fast to features in their principal axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Pairs of steps that L-BFGS remembers, steps it takes at most, and the shortest.
MEMORY, STEPS, SHORTEST = 10, 500, 1e-9

# Least mean of p(1 - p) that scales the steps of a class.
LEAST_CURVATURE = 1e-6

# Logit of a class that the training images lack.
ABSENT = -1e9

Floats = NDArray[np.floating[Any]]
Objective = Callable[[Floats], tuple[float, Floats]]


class LogisticProblem:
    """Multinomial logistic regression with a penalty on the weights, not the intercept.

    Args:
        features: (n, r), float32 or float64, which all arithmetic follows.
        labels: 0 to ``classes`` - 1, shape (n,); classes without an image get no probability.
        classes: C.
    """

    def __init__(self, features: Floats, labels: NDArray[np.int64], classes: int) -> None:
        # centred, for a mean couples every weight to the intercept
        self.mean = features.mean(axis=0)
        self.design = with_ones(features - self.mean)
        self.one_hot = np.eye(classes, dtype=features.dtype)[labels]
        self.variance = np.append(features.var(axis=0), 1.0)[:, None]
        self.offset = np.where(self.one_hot.any(axis=0), 0.0, ABSENT).astype(features.dtype)

    def fit(self, penalty: float, start: Floats | None = None, tolerance: float = 0.0) -> Floats:
        """Weights (r + 1, C), the intercept last, that minimise the penalised loss.

        L-BFGS in coordinates scaled by a diagonal guess of the Hessian at the start: with
        features along principal axes it takes a few steps.

        Args:
            penalty: times half the squared weights, against the summed loss.
            start: weights to begin with.
            tolerance: relative decrease at which to stop; 0 for as close as rounding allows.
        """
        shape = (self.design.shape[1], self.one_hot.shape[1])
        weights = np.zeros(shape, self.design.dtype) if start is None else self._moved(start, 1)
        p = self.probabilities(self.design, weights)
        curvature = np.maximum((p * (1 - p)).sum(axis=0), LEAST_CURVATURE * len(p))
        penalties = np.full((shape[0], 1), penalty, dtype=p.dtype)
        penalties[-1] = 0.0
        scale = (1 / np.sqrt(self.variance * curvature + penalties)).astype(p.dtype)

        def objective(scaled: Floats) -> tuple[float, Floats]:
            value, gradient = self._loss(scaled * scale, penalties)
            return value, gradient * scale

        return self._moved(_minimised(objective, weights / scale, tolerance) * scale, -1)

    def _moved(self, weights: Floats, sign: int) -> Floats:
        """Weights for features less their mean instead of as they are (1), or back (-1)."""
        moved = weights.copy()
        moved[-1] += sign * (self.mean @ weights[:-1])
        return moved

    def probabilities(self, design: Floats, weights: Floats) -> Floats:
        """Probabilities of classes for features with a last column of ones, shape (m, C)."""
        return self._softmax(design @ weights)[0]

    def _softmax(self, logits: Floats) -> tuple[Floats, Floats]:
        """Probabilities, in the place of the logits, and log partition functions (m, 1)."""
        logits += self.offset
        highest = logits.max(axis=1, keepdims=True)
        logits -= highest
        np.exp(logits, out=logits)
        total = logits.sum(axis=1, keepdims=True)
        logits /= total
        return logits, highest + np.log(total)

    def _loss(self, weights: Floats, penalties: Floats) -> tuple[float, Floats]:
        logits = self.design @ weights
        own = np.einsum("nc,nc->n", logits, self.one_hot)
        residuals, partition = self._softmax(logits)
        residuals -= self.one_hot
        shrunk = penalties * weights
        loss = float((partition[:, 0] - own).sum(dtype=np.float64))
        return loss + _dot(shrunk, weights) / 2, self.design.T @ residuals + shrunk


def with_ones(features: Floats) -> Floats:
    """Features with a last column of ones, shape (n, r + 1)."""
    return np.column_stack([features, np.ones(len(features), features.dtype)])


def _dot(one: Floats, other: Floats) -> float:
    return float(np.vdot(one, other))


def _minimised(objective: Objective, point: Floats, tolerance: float) -> Floats:
    """The minimum of a smooth convex function by L-BFGS (Nocedal and Wright, algorithm 7.5).

    In the precision of the point, scaled by the curvature. Measured against scipy's L-BFGS-B on
    256 to 1000 images: as fast or twice as fast, and scipy, which works in double, stops elsewhere:
    it would change the third digit of the probe's likelihood and the sixth of PACTran.
    """
    value, gradient = objective(point)
    pairs: list[tuple[Floats, Floats]] = []
    for _ in range(STEPS):
        direction = _direction(gradient, pairs)
        slope = _dot(direction, gradient)
        step, new_value, new_gradient = 1.0, np.inf, gradient
        while slope < 0 and step > SHORTEST:
            new_value, new_gradient = objective(point + step * direction)
            if new_value <= value + 1e-4 * step * slope:
                break
            step /= 2
        # no way down: rounding is all that is left
        if not new_value < value:
            return point
        pairs = [*pairs[1 - MEMORY :], (step * direction, new_gradient - gradient)]
        point = point + step * direction
        # a shortened step may gain little anywhere
        done = step == 1.0 and value - new_value <= tolerance * abs(new_value)
        value, gradient = new_value, new_gradient
        if done:
            return point
    return point


def _direction(gradient: Floats, pairs: list[tuple[Floats, Floats]]) -> Floats:
    """Minus the gradient times the inverse Hessian that the last steps suggest."""
    direction = -gradient
    shares = []
    useful = [(step, change, _dot(step, change)) for step, change in pairs]
    useful = [(step, change, product) for step, change, product in useful if product > 0]
    for step, change, product in reversed(useful):
        shares.append(_dot(step, direction) / product)
        direction -= shares[-1] * change
    if useful:
        step, change, product = useful[-1]
        direction *= product / _dot(change, change)
    for (step, change, product), share in zip(useful, reversed(shares), strict=True):
        direction += (share - _dot(change, direction) / product) * step
    return direction
