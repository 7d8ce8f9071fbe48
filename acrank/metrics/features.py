"""Compute the scores of features and labels, with guards and intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acrank.metrics.arrays import as_matrix
from acrank.metrics.compute import Computed, attempt
from acrank.metrics.estimate import Estimate
from acrank.metrics.feature_set import FeatureSet, as_feature_set
from acrank.metrics.guards import NO_INTERVAL
from acrank.metrics.metric import Metric
from acrank.metrics.registry import METRICS, NO_CLASSIFIER, of_kind
from acrank.metrics.resampling import (
    degrees_of_freedom,
    subsamples,
    subsamples_of_images,
    too_few_images,
)

# Why scores that compare with a random network are undefined.
NO_RANDOM = "there are no features of a random network"
# Why scores of boundaries are.
NO_BOUNDARIES = "its rows are not voxels of masks with those on boundaries marked"

# Scores that take long are repeated on so many parts at most; Student's interval allows for it.
DEAR_REPLICATES = 10


class Boundaries(NamedTuple):
    """The rows of features that are of voxels on masks' boundaries.

    Attributes:
        on: whether a row is of a voxel that was drawn from a boundary, bool (N,).
        added: whether it is for scores of boundaries alone, bool (N,).
    """

    on: NDArray[np.bool_]
    added: NDArray[np.bool_]


def feature_scores(
    features: ArrayLike,
    labels: ArrayLike,
    source_probs: ArrayLike | None,
    metrics: Sequence[str],
    *,
    images: NDArray[np.int64] | None = None,
    widths: tuple[int, ...] = (),
    boundaries: Boundaries | None = None,
    random_features: ArrayLike | None = None,
    replicates: int = 0,
    seed: int = 0,
) -> Computed:
    """Compute some metrics of one model's features, sharing what they have in common.

    Args:
        features: (N, D).
        labels: class ids (N,).
        source_probs: probabilities over source classes (N, K), or None.
        metrics: names of metrics; kinds other than ``features`` are ignored.
        images: the image that each row is of (N,), where rows are pixels; None for one each.
        widths: channels of each scale that the features are put together from.
        boundaries: which rows are of voxels on boundaries, where such were drawn.
        random_features: those of a random network for the same images (N, D'), or None.
        replicates: number of random parts of the sample for the uncertainty.
        seed: seed of the parts; the same for all models, so that they are paired.

    Returns:
        A value or a reason for every metric; no metric raises.
    """
    result = Computed()
    metrics = [metric.name for metric in of_kind("features", metrics)]
    heads = [name for name in metrics if "source_probs" in METRICS[name].needs]
    if source_probs is not None and not np.isfinite(source_probs).all():
        reason = "the source classifier's probabilities are not finite"
        result.refuse(heads, reason, "not-finite")
        metrics, source_probs = [name for name in metrics if name not in heads], None
    if not np.isfinite(features).all():
        result.refuse(metrics, "the features are not finite", "not-finite")
        return result
    data = as_feature_set(features, labels, source_probs)
    if random_features is not None and not np.isfinite(random_features).all():
        reason = "the features of the random network are not finite"
        asking = [name for name in metrics if "random_features" in METRICS[name].needs]
        result.refuse(asking, reason, "not-finite")
        metrics = [name for name in metrics if name not in asking]
    elif random_features is not None:
        data = replace(data, random_features=as_matrix(random_features, "random_features"))
    if images is not None and len(np.unique(images)) < len(images):
        data = replace(data, images=images, widths=widths)
    if boundaries is None:
        _add_scores(result, data, metrics, replicates, seed)
        return result
    edged = [name for name in metrics if "boundary_voxels" in METRICS[name].needs]
    drawn = data.take(np.flatnonzero(~boundaries.added))
    _add_scores(result, drawn, [n for n in metrics if n not in edged], replicates, seed)
    _add_scores(result, replace(data, boundary_voxels=boundaries.on), edged, replicates, seed)
    return result


def _add_scores(
    result: Computed, data: FeatureSet, metrics: Sequence[str], replicates: int, seed: int
) -> None:
    """Compute some metrics of one set of features."""
    few = too_few_images(data.labels, data.images)
    values: dict[str, float] = {}
    for name in metrics:
        value, guards, reason = _guarded(METRICS[name], data)
        values[name] = value
        if few and METRICS[name].intervals and not math.isnan(value):
            guards["few-images"] = few
        if guards:
            result.guards[name] = guards
        if math.isnan(value):
            result.undefined[name] = reason
    repeated = _replicates(data, _varying(values, result.guards), replicates, seed)
    freedom = degrees_of_freedom(data.labels, data.images)
    result.scores |= {
        name: Estimate(
            value,
            replicates=tuple(repeated.get(name, ())),
            freedom=freedom if repeated.get(name) else None,
        )
        for name, value in values.items()
        if not math.isnan(value)
    }


def _varying(values: dict[str, float], guards: dict[str, dict[str, str]]) -> list[str]:
    """Return the metrics whose variation the parts of the sample tell."""
    return [
        name
        for name, value in values.items()
        if METRICS[name].intervals
        and not math.isnan(value)
        and not set(NO_INTERVAL) & set(guards.get(name, ()))
    ]


def _replicates(
    data: FeatureSet, names: Sequence[str], count: int, seed: int
) -> dict[str, list[float]]:
    repeated: dict[str, list[float]] = {name: [] for name in names}
    for index, rows in enumerate(_parts(data, count, seed)):
        part = data.take(rows)
        for name in names:
            if index < DEAR_REPLICATES or METRICS[name].cost != "dear":
                repeated[name].append(_guarded(METRICS[name], part)[0])
    return repeated


def _parts(data: FeatureSet, count: int, seed: int) -> list[NDArray[np.int64]]:
    if data.images is None:
        return subsamples(data.labels, count, seed)
    return subsamples_of_images(data.images, count, seed)


def _guarded(metric: Metric, data: FeatureSet) -> tuple[float, dict[str, str], str]:
    """Return a value, the guards that fired, and the reason if the value is NaN."""
    if "source_probs" in metric.needs and data.source_probs is None:
        return math.nan, {}, NO_CLASSIFIER
    if "random_features" in metric.needs and data.random_features is None:
        return math.nan, {}, NO_RANDOM
    if "boundary_voxels" in metric.needs and data.boundary_voxels is None:
        return math.nan, {}, NO_BOUNDARIES
    names = ("features", "labels", *metric.needs)
    given = (data,) if metric.takes_set else tuple(_shielded(getattr(data, n)) for n in names)
    value, guards, reason = attempt(metric, *given)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return math.nan, guards, f"its function gave {type(value).__name__}, no number"
    if math.isinf(number):
        return math.nan, guards, f"the result is {number}"
    return number, guards, reason


def _shielded(values: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written to: the other metrics see the array too."""
    view = values.view()
    view.flags.writeable = False
    return view
