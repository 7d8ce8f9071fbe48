"""LogME: how well a linear model of the features explains the labels, by its evidence."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from acrank.errors import MetricError
from acrank.metrics.feature_set import Array, FeatureSet, as_feature_set, is_constant
from acrank.metrics.guards import checked, warn_guard

Task = Literal["classification", "multilabel", "regression"]

# The maximum is looked for on this grid of the logarithm of the penalty, relative to the
# smallest and the largest eigenvalue, and then refined.
BELOW, ABOVE, STEP = 16.0, 12.0, 0.5
REFINEMENTS = 26
GOLDEN = (math.sqrt(5) - 1) / 2


def log_me(
    features: ArrayLike | FeatureSet,
    labels: ArrayLike | None = None,
    *,
    task: Task = "classification",
) -> float:
    """LogME: the maximum evidence of a Bayesian linear model from features to labels.

    For a target vector y (a column of one-hot labels) ``log p(y | F)`` is maximised over the
    precisions of weights and noise, ``y ~ N(0, (I + F F' / t) / beta)``, divided by N, and
    averaged over columns. The maximum is exact: the noise is eliminated in closed form and the
    ratio t found by search, where the usual fixed point stops early, and counts determinants
    of width N instead of D, when there are fewer images than channels.

    Args:
        features: (N, D), or a set of features with labels.
        labels: class ids (N,); for ``multilabel`` zeros and ones (N, K), of which columns that
            are all zero or all one are left out; for ``regression`` numbers (N,) or (N, K).
        task: kind of the labels.

    Returns:
        Nats an image, any real number, higher is better. Unchanged by rotation and scale of the
        features and by channels of zeros; NaN where the features are constant.

    Warns:
        GuardWarning: ``interpolating`` where the evidence is highest without any noise.

    Raises:
        MetricError: arrays that do not fit together.

    Source:
        You et al., LogME: Practical Assessment of Pre-trained Models for Transfer Learning,
        ICML 2021 (arXiv 2102.11005), equations 2 to 4.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import log_me
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(log_me(features, labels), 3)
        -0.76
    """
    if task == "classification":
        data = as_feature_set(features, labels)
        targets = data.one_hot
    else:
        data, targets = _with_targets(features, labels, task)
    if is_constant(data):
        return math.nan
    evidence, interpolates = _Profile(data, targets).maximum()
    if interpolates.any():
        warn_guard("interpolating", f"{int(interpolates.sum())} of {len(evidence)} label columns")
    return checked(float(evidence.mean()), -math.inf, math.inf)


class _Profile:
    """The evidence as a function of the penalty t, for each of K targets.

    ``F F'`` is taken apart along the centred features' left singular vectors and the constant
    vector, where it is an arrow matrix; every sum below is one of non-negative terms, so that
    nothing cancels.
    """

    def __init__(self, data: FeatureSet, targets: Array) -> None:
        spectrum = data.spectrum
        self.count = len(data)
        self.eigenvalues = spectrum.eigenvalues
        self.mean = self.count * spectrum.mean**2
        # what the mean has outside the axes along which features vary
        rest = float(data.mean @ data.mean - spectrum.mean @ spectrum.mean)
        known = np.finfo(np.float64).eps * max(data.features.shape) * float(data.mean @ data.mean)
        self.outside = self.count * rest if rest > known else 0.0
        self.along = data.project(targets)
        self.squares = self.along**2
        self.arrow = np.sqrt(self.eigenvalues * self.count) * spectrum.mean
        self.constant = math.sqrt(self.count) * targets.mean(axis=0)
        total = (targets**2).sum(axis=0)
        left = total - self.squares.sum(axis=0) - self.constant**2
        full = len(self.eigenvalues) == self.count - 1
        self.left = np.where(full | (left < 1e-13 * total), 0.0, left)

    def __call__(self, penalty: Array) -> Array:
        """The evidence an image at one penalty a target, shape (K,)."""
        ridge = penalty[None, :] + self.eigenvalues[:, None]
        shrunk = penalty / ridge
        fit = np.einsum("rk,rk->k", self.squares, shrunk)
        across = self.arrow @ (self.along / ridge)
        return self._evidence(penalty, shrunk, fit, across)

    def on_grid(self, penalties: Array) -> Array:
        """The evidence of every target at some penalties (T,), shape (T, K)."""
        ridge = penalties[:, None] + self.eigenvalues
        shrunk = penalties[:, None] / ridge
        fit, across = shrunk @ self.squares, (self.arrow / ridge) @ self.along
        return self._evidence(penalties[:, None], shrunk.T, fit, across)

    def _evidence(self, penalty: Array, shrunk: Array, fit: Array, across: Array) -> Array:
        """Compute, from the shrinkage of each axis, the rest of each target, and the arrow's."""
        corner = penalty + self.outside + (self.mean @ shrunk).reshape(penalty.shape)
        noise = fit + penalty * (self.constant - across) ** 2 / corner + self.left
        determinant = -np.log(shrunk).sum(axis=0).reshape(penalty.shape) + np.log(corner / penalty)
        scale = 2 * math.pi * math.e * noise / self.count
        evidence: Array = -0.5 * np.log(scale) - 0.5 * determinant / self.count
        return evidence

    def maximum(self) -> tuple[Array, np.ndarray]:
        """The highest evidence of each target, and whether it lies where no noise is left."""
        grid = np.arange(
            math.log(self.eigenvalues[-1]) - BELOW,
            math.log(self.eigenvalues[0] + self.outside) + ABOVE,
            STEP,
        )
        values = self.on_grid(np.exp(grid))
        best = values.argmax(axis=0)
        refined = self._refine(grid[best] - STEP, grid[best] + STEP)
        # without bound: no penalty is too high where the features say nothing
        total = self.squares.sum(axis=0) + self.constant**2 + self.left
        silent = -0.5 * np.log(2 * math.pi * math.e * total / self.count)
        return np.maximum(np.maximum(refined, values.max(axis=0)), silent), best == 0

    def _refine(self, low: Array, high: Array) -> Array:
        """Golden-section search between two bounds a target; one new point a step."""
        width = GOLDEN * (high - low)
        left, right = high - width, low + width
        at_left, at_right = self(np.exp(left)), self(np.exp(right))
        for _ in range(REFINEMENTS):
            lower = at_left > at_right
            low, high = np.where(lower, low, left), np.where(lower, right, high)
            width = GOLDEN * (high - low)
            new = np.where(lower, high - width, low + width)
            found = self(np.exp(new))
            left, right = np.where(lower, new, right), np.where(lower, left, new)
            at_left, at_right = (
                np.where(lower, found, at_right),
                np.where(lower, at_left, found),
            )
        return np.maximum(at_left, at_right)


def _with_targets(
    features: ArrayLike | FeatureSet, labels: ArrayLike | None, task: Task
) -> tuple[FeatureSet, Array]:
    if isinstance(features, FeatureSet) or labels is None:
        raise MetricError(f"For {task}, give features (N, D) and targets as two arrays.")
    targets = np.asarray(labels, dtype=np.float64)
    targets = targets[:, None] if targets.ndim == 1 else targets
    matrix = np.asarray(features)
    if targets.ndim != 2 or len(targets) != len(matrix) or not np.isfinite(targets).all():
        raise MetricError(f"targets of shape {targets.shape} do not fit {len(matrix)} images.")
    # checks the features; its labels are not used
    data = as_feature_set(matrix, np.arange(len(matrix)) % 2)
    if task == "multilabel":
        if not np.isin(targets, (0.0, 1.0)).all():
            raise MetricError("Labels of several classes an image must be zeros and ones.")
        targets = targets[:, (targets != targets[0]).any(axis=0)]
        if not targets.size:
            raise MetricError(
                "No label varies: each is all zeros or all ones.",
                hint="Give a label that some images have and others have not.",
            )
    if not targets.any(axis=0).all() or not targets.size:
        raise MetricError("A target is zero for every image.", hint="Omit it.")
    return data, targets
