"""CC-FV: a score for segmentation, from the features of voxels in several layers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acrank.errors import MetricError
from acrank.metrics.arrays import as_ids, as_matrix, groups
from acrank.metrics.feature_set import Array, FeatureSet, Labels
from acrank.metrics.guards import checked, warn_guard
from acrank.metrics.hypersphere import feature_variety
from acrank.metrics.wasserstein import fit_gaussian, pairwise_w2

# Pairs of images a class that are compared, at most. Of the 2016 pairs of 64 brain scans they
# gave the mean to within 1 % (as many pairs drawn without the ring below: to within 6 %).
PAIRS = 256


def cc_fv(
    layers: Sequence[ArrayLike] | FeatureSet,
    labels: ArrayLike | None = None,
    images: ArrayLike | None = None,
    *,
    pairs: int | None = PAIRS,
    seed: int = 0,
) -> float:
    """CC-FV: variety of features within images over their inconsistency between images.

    Yang et al., "Pick the Best Pre-trained Model: Towards Transferability Estimation for
    Medical Image Segmentation", MICCAI 2023, arXiv 2307.11958: the mean over layers of
    ``log(F_v / C_cons)``, with :func:`acrank.metrics.hypersphere.feature_variety` and
    :func:`class_consistency`. Written from the definition: the released code turns the sign of
    the variety.

    Features k times as large lower it by log k, though no network is better or worse for it:
    layers that end in a normalisation compare, others hardly do. Few voxels for many channels
    raise C_cons by the noise of the fit, so that wide layers score lower.

    A layer whose features do not differ between images has no value, and is left out (guard
    ``constant-features``).

    Args:
        layers: features of the same voxels in each layer, (P, D_l), D may differ; or a set
            already made, of pixels, its columns parted by its widths.
        labels: class ids of the voxels (P,); left out where a set is given.
        images: id of the image of each voxel, (P,); likewise.
        pairs: see :func:`class_consistency`.
        seed: see :func:`class_consistency`.

    Returns:
        Any real number, higher is better. Unchanged by a rotation in each layer; NaN where no
        layer has a value.

    Warns:
        GuardWarning: constant-features, single-sample-class.

    Raises:
        MetricError: no layers, or arrays that do not fit together, or a row an image.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import cc_fv
        >>> labels, images = np.arange(60) % 3, np.arange(60) // 15
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(3, 4)[labels]
        >>> round(cc_fv([features], labels, images), 3)
        -0.497
    """
    if isinstance(layers, FeatureSet):
        layers, labels, images = _of_pixels(layers)
    if labels is None or images is None:
        raise MetricError("Labels or images are missing.", hint="Both are ids of voxels (P,).")
    if len(layers) == 0:
        raise MetricError("There are no layers.", hint="Give features (P, D) of at least one.")
    values = []
    for number, layer in enumerate(layers):
        features = as_matrix(layer, f"layer {number}")
        spread = class_consistency(features, labels, images, pairs=pairs, seed=seed)
        if math.isnan(spread):
            return math.nan
        if spread > 0:
            values.append(math.log(feature_variety(features, images)) - math.log(spread))
    if len(values) < len(layers):
        missing = len(layers) - len(values)
        text = f"features do not differ between images in {missing} of {len(layers)} layers"
        warn_guard("constant-features", text)
    return checked(sum(values) / len(values), -math.inf, math.inf) if values else math.nan


def _of_pixels(data: FeatureSet) -> tuple[list[Array], Labels, Labels]:
    if data.images is None:
        raise MetricError("CC-FV needs features of pixels, and these are features of images.")
    ends = np.cumsum(data.widths)[:-1]
    return np.split(data.features, ends, axis=1), data.labels, data.images


def class_consistency(
    features: ArrayLike,
    labels: ArrayLike,
    images: ArrayLike,
    *,
    pairs: int | None = PAIRS,
    seed: int = 0,
) -> float:
    """Class consistency C_cons of CC-FV: how far a class's features lie apart between images.

    For each class the mean, over pairs of images, of the Wasserstein-2 distance between the
    Gaussians of its voxels in the two (:func:`acrank.metrics.wasserstein.gaussian_w2`); mean
    over classes. An image with a single voxel of a class is left out for that class: nothing
    tells its covariance. A class left in fewer than two images is left out, with the guard
    ``single-sample-class``.

    Args:
        features: (P, D), of sampled voxels.
        labels: class ids of the voxels (P,).
        images: id of the image of each voxel, (P,).
        pairs: pairs of images a class, drawn at random where there are more, so that all images
            are in as many pairs (or one more); None for all.
        seed: of the draw, which depends on nothing else but the number of images.

    Returns:
        At least 0, in units of the features, lower is better. Unchanged by rotation; NaN where
        no class is left.

    Raises:
        MetricError: arrays that do not fit together, or pairs below 1.
    """
    if pairs is not None and pairs < 1:
        raise MetricError(f"pairs is {pairs}.", hint="At least one pair of images is needed.")
    matrix = as_matrix(features)
    codes = as_ids(labels, len(matrix), "labels")
    classes = _regions(codes, as_ids(images, len(matrix), "images"))
    seen = [regions for regions in classes if len(regions) > 1]
    if len(seen) < len(classes):
        gone = len(classes) - len(seen)
        warn_guard("single-sample-class", f"{gone} of {len(classes)} not in two images")
    if not seen:
        return math.nan
    return float(np.mean([_distance(matrix, regions, pairs, seed) for regions in seen]))


def _regions(labels: Labels, images: Labels) -> list[list[NDArray[np.intp]]]:
    """Find for each class the rows of each image that has at least two voxels of it."""
    found: list[list[NDArray[np.intp]]] = [[] for _ in range(int(labels.max()) + 1)]
    for rows in groups(labels, images):
        if len(rows) > 1:
            found[labels[rows[0]]].append(rows)
    return found


def _distance(
    matrix: Array, regions: list[NDArray[np.intp]], pairs: int | None, seed: int
) -> float:
    """Mean distance of a class's features between images."""
    chosen = _pairs(len(regions), pairs, seed)
    # an image that was not drawn needs no Gaussian
    used, numbers = np.unique(chosen, return_inverse=True)
    gaussians = [fit_gaussian(matrix[regions[number]]) for number in used]
    return float(pairwise_w2(gaussians, numbers.reshape(chosen.shape)).mean())


def _pairs(images: int, most: int | None, seed: int) -> NDArray[np.intp]:
    """Different pairs of images, (K, 2): all, or so many that each image is in as many.

    Images in random order on a ring, each with the next, then with the next but one, and so on.
    """
    total = images * (images - 1) // 2
    steps, places = np.divmod(np.arange(total if most is None else min(most, total)), images)
    ring = np.random.default_rng(seed).permutation(images)
    return np.stack([ring[places], ring[(places + steps + 1) % images]], axis=1)
