"""Hold features with their labels, and compute once what several metrics need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acrank.errors import MetricError
from acrank.metrics.arrays import Array as Array
from acrank.metrics.arrays import Labels as Labels
from acrank.metrics.arrays import as_ids, as_matrix
from acrank.metrics.guards import warn_guard


@dataclass(frozen=True)
class Spectrum:
    """Eigendecomposition of the centred features' Gram matrix, of its smaller side.

    With centred features ``X = U diag(s) V'``, of rank r (directions whose variance is lost in
    rounding are left out).

    Attributes:
        eigenvalues: ``s ** 2``, descending, shape (r,).
        class_sums: ``U' Y`` for one-hot labels Y, shape (r, C).
        mean: ``V' mu`` for the mean feature vector mu, shape (r,).
        basis: V, shape (D, r), where N > D; U, shape (N, r), otherwise.
        by_sample: whether ``basis`` is U.
    """

    eigenvalues: Array
    class_sums: Array
    mean: Array
    basis: Array
    by_sample: bool


@dataclass(frozen=True)
class FeatureSet:
    """Features (N, D) with labels, as every metric takes them.

    Make it once with :func:`as_feature_set` and give it to several metrics: they share its
    eigendecomposition.

    Attributes:
        features: float64 (N, D).
        labels: int64 (N,), 0 to C - 1, every class present.
        source_probs: probabilities over the K source classes, float64 (N, K), or None.
        images: the image that each row is of, int64 (N,); None where every row is one.
        widths: channels of each scale that the features are put together from; none for one.
        boundary_voxels: whether a row is of a voxel drawn from a mask's boundary, bool (N,);
            None where no such were drawn.
        random_features: those of a random network for the same images (N, D'), or None.
    """

    features: Array
    labels: Labels
    source_probs: Array | None = None
    images: Labels | None = None
    widths: tuple[int, ...] = ()
    boundary_voxels: NDArray[np.bool_] | None = None
    random_features: Array | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def width(self) -> int:
        """D, the number of feature channels."""
        return int(self.features.shape[1])

    @cached_property
    def classes(self) -> int:
        """C, the number of classes."""
        return int(self.labels.max()) + 1

    @cached_property
    def counts(self) -> Array:
        """Images of each class, shape (C,)."""
        return np.bincount(self.labels, minlength=self.classes).astype(np.float64)

    @cached_property
    def one_hot(self) -> Array:
        """One-hot labels, shape (N, C)."""
        return np.eye(self.classes)[self.labels]

    @cached_property
    def mean(self) -> Array:
        """The mean feature vector, shape (D,)."""
        mean: Array = self.features.mean(axis=0)
        return mean

    @cached_property
    def centred(self) -> Array:
        """Features less their mean, shape (N, D); exact zeros where a column is constant."""
        centred = self.features - self.mean
        centred[:, (self.features == self.features[0]).all(axis=0)] = 0.0
        return centred

    @cached_property
    def class_means(self) -> Array:
        """Mean feature vector of each class, shape (C, D)."""
        means: Array = self.one_hot.T @ self.features / self.counts[:, None]
        return means

    @cached_property
    def spectrum(self) -> Spectrum:
        """The shared eigendecomposition."""
        return _spectrum(self)

    def project(self, targets: Array) -> Array:
        """``U' Y`` for targets Y (N, K) and the left singular vectors U, shape (r, K)."""
        spectrum = self.spectrum
        if spectrum.by_sample:
            projected: Array = spectrum.basis.T @ targets
            return projected
        sums = spectrum.basis.T @ (self.centred.T @ targets)
        scaled: Array = sums / np.sqrt(spectrum.eigenvalues)[:, None]
        return scaled

    @cached_property
    def coordinates(self) -> Array:
        """Centred features in their principal axes, by falling variance, shape (N, r).

        Distances and inner products between images are those of the centred features.
        """
        spectrum = self.spectrum
        if spectrum.by_sample:
            return spectrum.basis * np.sqrt(spectrum.eigenvalues)
        coordinates: Array = self.centred @ spectrum.basis
        return coordinates

    def take(self, rows: NDArray[np.int64]) -> FeatureSet:
        """The set of some images only; classes that are gone lose their number."""
        probs = None if self.source_probs is None else self.source_probs[rows]
        images = None if self.images is None else self.images[rows]
        flags = None if self.boundary_voxels is None else self.boundary_voxels[rows]
        random = None if self.random_features is None else self.random_features[rows]
        labels = _codes(self.labels[rows])
        return FeatureSet(self.features[rows], labels, probs, images, self.widths, flags, random)


def as_feature_set(
    features: ArrayLike | FeatureSet,
    labels: ArrayLike | None = None,
    source_probs: ArrayLike | None = None,
) -> FeatureSet:
    """Check arrays and bring them into the form that metrics take.

    Args:
        features: (N, D), or a set already made, which is returned as it is.
        labels: class ids (N,), integers with or without gaps.
        source_probs: probabilities over source classes (N, K).

    Raises:
        MetricError: shapes that do not fit, values that are not finite, or fewer than two
            classes.
    """
    if isinstance(features, FeatureSet):
        return features
    if labels is None:
        raise MetricError("Labels are missing.", hint="Give features (N, D) and labels (N,).")
    matrix = as_matrix(features, "features")
    probs = None if source_probs is None else _probabilities(source_probs)
    codes = _labels(labels, len(matrix))
    if probs is not None and len(probs) != len(matrix):
        raise MetricError(f"source_probs has {len(probs)} rows, features {len(matrix)}.")
    return FeatureSet(matrix, codes, probs)


def from_source_probs(
    source_probs: ArrayLike | FeatureSet, labels: ArrayLike | None = None
) -> FeatureSet:
    """Like :func:`as_feature_set` for metrics that look at source probabilities alone.

    Raises:
        MetricError: as :func:`as_feature_set`, or the set has no source probabilities.
    """
    if not isinstance(source_probs, FeatureSet):
        return as_feature_set(as_matrix(source_probs, "source_probs"), labels, source_probs)
    if source_probs.source_probs is None:
        raise MetricError(
            "There are no source probabilities.", hint="The network has no source classifier."
        )
    return source_probs


def warn_few(data: FeatureSet) -> None:
    """Warn of fewer images than feature channels that vary."""
    width = int((data.features != data.features[0]).any(axis=0).sum())
    if len(data) <= width:
        warn_guard("n-below-d", f"{len(data)} images, {width} channels")


def warn_single(data: FeatureSet) -> None:
    """Warn of classes with one image."""
    single = int((data.counts == 1).sum())
    if single:
        warn_guard("single-sample-class", f"{single} of {data.classes} classes")


def is_constant(data: FeatureSet) -> bool:
    """Return whether no feature varies, or by less than arithmetic can square; warns if so."""
    if (data.features == data.features[0]).all() or not len(data.spectrum.eigenvalues):
        warn_guard("constant-features", "every image has the same features")
        return True
    return False


def _probabilities(values: ArrayLike) -> Array:
    probs = as_matrix(values, "source_probs")
    if (probs < 0).any() or not np.allclose(probs.sum(axis=1), 1.0, atol=1e-3):
        raise MetricError(
            "source_probs are not probabilities.", hint="Rows must be >= 0 and sum to 1."
        )
    return probs


def _labels(labels: ArrayLike, rows: int) -> Labels:
    codes = as_ids(labels, rows, "labels")
    if codes.max() == 0:
        raise MetricError("All images have the same label.", hint="Two classes are needed.")
    return codes


def _codes(labels: NDArray[np.generic]) -> Labels:
    codes: Labels = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    return codes


def _spectrum(data: FeatureSet) -> Spectrum:
    centred, by_sample = data.centred, len(data) <= data.width
    gram = centred @ centred.T if by_sample else centred.T @ centred
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1], vectors[:, ::-1]
    # what rounding leaves of a direction without variance
    tolerance = max(data.features.shape) * np.finfo(np.float64).eps * max(float(values[0]), 0.0)
    rank = min(int((values > tolerance).sum()), len(data) - 1)
    # below this even the eigenvalues' own squares vanish
    rank = rank if values[0] > np.finfo(np.float64).tiny else 0
    values, vectors = values[:rank], np.ascontiguousarray(vectors[:, :rank])
    root = np.sqrt(values)
    if by_sample:
        sums = vectors.T @ data.one_hot
        mean = vectors.T @ (centred @ data.mean) / root
    else:
        sums = vectors.T @ (centred.T @ data.one_hot) / root[:, None]
        mean = vectors.T @ data.mean
    return Spectrum(values, sums, mean, vectors, by_sample)
