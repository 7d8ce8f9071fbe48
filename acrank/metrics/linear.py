"""A linear probe: how well logistic regression on the features labels images it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acrank.errors import MetricError
from acrank.metrics.feature_set import (
    Array,
    FeatureSet,
    Labels,
    as_feature_set,
    is_constant,
    warn_single,
)
from acrank.metrics.guards import checked
from acrank.metrics.logistic import Floats, LogisticProblem, with_ones

# Penalties tried, strongest first, for features of mean squared norm one; scikit-learn's 1 / C.
# Of many images every second one.
PENALTIES = tuple(10.0**power for power in range(2, -5, -1))

# Up to how many images more folds and closer fits are worth their time, and either's folds.
FEW = 1000
FOLDS_FEW, FOLDS_MANY = 5, 3

# Relative decreases at which fits stop: of few images, of many, and to judge a penalty.
CLOSELY, NEARLY, ROUGHLY = 3e-4, 3e-3, 1e-2

# Decimals of a norm that are not rounding.
DECIMALS = 9


def linear_probe(
    features: ArrayLike | FeatureSet,
    labels: ArrayLike | None = None,
    *,
    folds: int | None = None,
) -> float:
    """Cross-validated accuracy of multinomial logistic regression, the common linear probe.

    As in Kornblith, Shlens and Le, "Do Better ImageNet Models Transfer Better?", CVPR 2019,
    arXiv 1805.08974, with the test images taken by cross-validation: minimises ``sum of
    -log p(y | x) + penalty / 2 * |W|^2`` with a free intercept, for features scaled by one
    factor to a mean squared norm of one. Each fold is predicted by a fit to the others with
    the penalty, of 10^2 to 10^-4 (in steps of 10; of 100 beyond 1000 images), under which fits
    to all but one of those foresee that one best (log-likelihood). Fits are in single precision
    and stop at a step that lowers the objective by 3e-4 of itself up to 1000 images, 3e-3
    beyond and 1e-2 where they only judge a penalty, which on digits stays within 2, 12 and 15 %
    of the likelihood of an exact fit.

    Folds are stratified and deal out images by their distance from the mean, so that neither
    the order of images nor the numbers of classes matter but for ties. An image alone in its
    class cannot be right, and is of a class no fit has seen: guard ``single-sample-class``. A
    class with fewer images than folds lies in as many folds as it has images, and is learnt
    from the others. Other guards: ``saturated`` at 1, ``constant-features`` (NaN; so are fewer
    than three images).

    Args:
        features: (N, D), or a set already made, which keeps the result for
            :func:`linear_probe_log_likelihood`.
        labels: class ids (N,); left out where a set is given.
        folds: at least 3; None for 5 up to 1000 images and 3 beyond.

    Returns:
        Accuracy in [0, 1], higher is better; unchanged by rotation, shift and scale.

    Raises:
        MetricError: too few folds, or see
            :func:`acrank.metrics.feature_set.as_feature_set`.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import linear_probe
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(linear_probe(features, labels), 3)
        0.717
    """
    data = as_feature_set(features, labels)
    return checked_or_nan(linear_probe_scores(data, folds=folds)[0], 0.0, 1.0)


def linear_probe_log_likelihood(
    features: ArrayLike | FeatureSet,
    labels: ArrayLike | None = None,
    *,
    folds: int | None = None,
) -> float:
    """Mean log-likelihood of images held out by :func:`linear_probe`: finer than its accuracy.

    Probabilities are ``(n p + 1 / C) / (n + 1)`` for a fit to n images of C classes, which
    keeps a label never seen in training possible. Source, guards and errors are those of
    :func:`linear_probe`; ``saturated`` is at 0.

    Args:
        features: (N, D), or a set already made.
        labels: class ids (N,); left out where a set is given.
        folds: at least 3; None for 5 up to 1000 images and 3 beyond.

    Returns:
        Nats an image, in [-log(C N), 0], higher is better; guessing by class shares gives
        about minus the labels' entropy. Unchanged by rotation, shift and scale.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import linear_probe_log_likelihood
        >>> labels = np.arange(60) % 3
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(linear_probe_log_likelihood(features, labels), 3)
        -0.7
    """
    data = as_feature_set(features, labels)
    low = -float(np.log(data.classes * len(data)))
    return checked_or_nan(linear_probe_scores(data, folds=folds)[1], low, 0.0)


def linear_probe_scores(data: FeatureSet, *, folds: int | None = None) -> tuple[float, float]:
    """Accuracy and log-likelihood of :func:`linear_probe`, computed once a set and folds.

    Raises:
        MetricError: fewer than three folds.
    """
    if folds is not None and folds < 3:
        raise MetricError(f"folds is {folds}.", hint="Choosing the penalty takes three.")
    if is_constant(data):
        return float("nan"), float("nan")
    warn_single(data)
    if len(data) < 3:
        return float("nan"), float("nan")
    folds = min(folds or (FOLDS_FEW if len(data) <= FEW else FOLDS_MANY), len(data))
    # kept with the set, as what it derives from its features is
    kept: dict[int, tuple[float, float]] = vars(data).setdefault("_linear_probe_scores", {})
    if folds not in kept:
        kept[folds] = _cross_validated(data, folds)
    return kept[folds]


def checked_or_nan(value: float, low: float, high: float) -> float:
    """The value checked, unless a guard has already said why there is none."""
    return value if np.isnan(value) else checked(value, low, high)


def steady_order(data: FeatureSet) -> NDArray[np.int64]:
    """Rows by class and distance from the mean: the same images whatever order they came in.

    Rotation and scale of the features and the numbers of the classes do not matter either.
    Only images (or classes) whose distances from the mean and products with their class's mean
    all tie are left as they came.
    """
    own = data.class_means[data.labels] - data.mean
    norms = np.einsum("nd,nd->n", data.centred, data.centred)
    towards = np.einsum("nd,nd->n", data.centred, own)
    scale = norms.mean()
    keys = [np.round(key / scale, DECIMALS) for key in (towards, norms)]
    means = [np.bincount(data.labels, key) / data.counts for key in keys]
    classes = [np.round(mean, DECIMALS)[data.labels] for mean in means]
    return np.lexsort((*keys, data.labels, *classes, data.counts[data.labels]))


def _cross_validated(data: FeatureSet, folds: int) -> tuple[float, float]:
    points = data.coordinates / np.sqrt((data.coordinates**2).sum(axis=1).mean())
    design = with_ones(points.astype(np.float32))
    fold = np.empty(len(data), dtype=np.int64)
    fold[steady_order(data)] = np.arange(len(data)) % folds
    tried = PENALTIES if len(data) <= FEW else PENALTIES[::2]
    chosen, starts = _penalties(design, data, fold, folds, tried)
    right, likelihood = 0.0, 0.0
    tolerance = CLOSELY if len(data) <= FEW else NEARLY
    for held in range(folds):
        problem = _problem(design, data, fold != held)
        weights = problem.fit(tried[chosen[held]], starts[held], tolerance)
        p = _predicted(problem, design[fold == held], weights)
        right += _right(p, data.labels[fold == held])
        likelihood += _likelihood(p, data.labels[fold == held])
    return right / len(data), likelihood / len(data)


def _penalties(
    design: Floats,
    data: FeatureSet,
    fold: NDArray[np.int64],
    folds: int,
    penalties: Sequence[float],
) -> tuple[list[int], list[Floats]]:
    """Choose the penalty of each fold without it, by index, and weights to start from.

    A fit to all but two folds judges penalties for both: it foresees each when the other is
    held out. The penalty falls until the likelihood of the two together does.
    """
    held = np.full((folds, folds, len(penalties)), -np.inf)
    paths: dict[tuple[int, int], list[Floats]] = {}
    for pair in combinations(range(folds), 2):
        problem = _problem(design, data, ~np.isin(fold, pair))
        path = paths.setdefault(pair, [])
        best = -np.inf
        for index, penalty in enumerate(penalties):
            path.append(problem.fit(penalty, path[-1] if path else None, ROUGHLY))
            for one, other in (pair, pair[::-1]):
                p = _predicted(problem, design[fold == one], path[-1])
                held[other, one, index] = _likelihood(p, data.labels[fold == one])
            both = float(held[pair[0], pair[1], index] + held[pair[1], pair[0], index])
            if both < best:
                break
            best = both
    held[np.arange(folds), np.arange(folds)] = 0.0
    chosen = [int(index) for index in held.sum(axis=1).argmax(axis=1)]
    starts: list[Floats] = []
    for one, index in enumerate(chosen):
        fits = [path[index] for pair, path in paths.items() if one in pair]
        starts.append(np.stack(fits).mean(axis=0))
    return chosen, starts


def _problem(design: Floats, data: FeatureSet, rows: NDArray[np.bool_]) -> LogisticProblem:
    return LogisticProblem(design[rows, :-1], data.labels[rows], data.classes)


def _predicted(problem: LogisticProblem, design: Floats, weights: Floats) -> Array:
    p = problem.probabilities(design, weights).astype(np.float64)
    seen = len(problem.design)
    smoothed: Array = (seen * p + 1 / p.shape[1]) / (seen + 1)
    return smoothed


def _likelihood(p: Array, labels: Labels) -> float:
    return float(np.log(p[np.arange(len(labels)), labels]).sum())


def _right(p: Array, labels: Labels) -> float:
    """Images whose class is the most probable, shared where several classes are."""
    best = p >= p.max(axis=1, keepdims=True) * (1 - 1e-6)
    return float((best[np.arange(len(labels)), labels] / best.sum(axis=1)).sum())
