"""LBTC: do the nearest voxels of those on a mask's boundary hang together by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acrank.errors import MetricError
from acrank.metrics.arrays import Array, Labels, as_ids, as_matrix, groups
from acrank.metrics.feature_set import FeatureSet
from acrank.metrics.guards import checked, warn_guard

# Voxels of a tree, the one on the boundary among them.
VOXELS = 16
# Squared distances nearer than this, relative to the squared norms, are equal: rounding leaves
# about 1e-15 of a difference of products there.
SAME_DISTANCE = 1e-12

Flags = NDArray[np.bool_]


def lbtc(
    layers: Sequence[ArrayLike] | FeatureSet,
    labels: ArrayLike | None = None,
    images: ArrayLike | None = None,
    boundary_voxels: ArrayLike | None = None,
    *,
    voxels: int = VOXELS,
) -> float:
    """LBTC: one minus the share of tree edges between classes, around voxels on boundaries.

    Local boundary-aware topological consistency of Tang et al., "Topology-Driven
    Transferability Estimation of Medical Foundation Models for Segmentation", MICCAI 2026,
    arXiv 2602.23916. For each voxel on a boundary (50 of an image are drawn), the 16 voxels of
    its image whose features are nearest, itself among them, are joined by the Euclidean minimum
    spanning tree of their features. Its leakage is the share of the tree's edges whose ends
    have different labels; the score is one minus the mean over the voxels of an image, over
    images and over layers. Voxels equally far at the last place are taken in the order given,
    and where edges are equally long the mean of the least and the greatest leakage counts.

    Written from the definition. The released code leaves out the edges at the first voxel of
    each tree, and the voxels around which all labels are the same, which a network that parts
    the classes well has most of. It takes voxels inside the boundary alone, here both sides
    count, so that no class is the background. Its global companion, GRTD, is not computed.

    Guards: ``constant-features`` for layers without variance, which are left out; ``saturated``
    at 1.

    Args:
        layers: features of the same voxels in each layer, (P, D_l), D may differ; or a set
            already made, of pixels, its columns parted by its widths.
        labels: class ids of the voxels (P,); left out where a set is given.
        images: id of the image of each voxel, (P,); likewise.
        boundary_voxels: whether a voxel is one around which a tree is built, bool (P,); likewise.
        voxels: of a tree; where an image has fewer, all of them.

    Returns:
        In [0, 1], higher is better. Unchanged by rotation, shift and scale of each layer; NaN
        where no layer varies.

    Raises:
        MetricError: arrays that do not fit together, no layers, fewer than two voxels a tree,
            or no voxel on a boundary.

    Example:
        >>> import numpy as np
        >>> from acrank.metrics import lbtc
        >>> labels, images = np.arange(60) % 2, np.arange(60) // 30
        >>> features = np.random.default_rng(0).normal(size=(60, 4)) + np.eye(2, 4)[labels]
        >>> round(lbtc([features], labels, images, np.arange(60) % 30 < 10), 3)
        0.553
    """
    if isinstance(layers, FeatureSet):
        layers, labels, images, boundary_voxels = _of_pixels(layers)
    if labels is None or images is None or boundary_voxels is None:
        raise MetricError("Labels, images or boundary voxels are missing.", hint="Give each (P,).")
    if len(layers) == 0:
        raise MetricError("There are no layers.", hint="Give features (P, D) of at least one.")
    if voxels < 2:
        raise MetricError(f"voxels is {voxels}.", hint="A tree needs two.")
    matrices = [as_matrix(layer, f"layer {number}") for number, layer in enumerate(layers)]
    codes, *_ = [as_ids(labels, len(matrix), "labels") for matrix in matrices]
    flags = _flags(boundary_voxels, len(codes))
    parts = groups(as_ids(images, len(codes), "images"))
    parts = [part for part in parts if len(part) > 1 and flags[part].any()]
    if not parts:
        raise MetricError("no image has a voxel on a boundary between classes")
    varying = [matrix for matrix in matrices if (matrix != matrix[0]).any()]
    if len(varying) < len(matrices):
        gone = len(matrices) - len(varying)
        warn_guard("constant-features", f"{gone} of {len(matrices)} layers do not vary")
    if not varying:
        return float("nan")
    leaks = [
        _leakage(matrix[part], codes[part], np.flatnonzero(flags[part]), voxels)
        for matrix in varying
        for part in parts
    ]
    return checked(1.0 - float(np.mean(leaks)), 0.0, 1.0)


def _of_pixels(data: FeatureSet) -> tuple[list[Array], Labels, Labels, Flags]:
    if data.images is None or data.boundary_voxels is None:
        raise MetricError("LBTC needs features of pixels with those on boundaries marked.")
    ends = np.cumsum(data.widths)[:-1]
    layers = np.split(data.features, ends, axis=1)
    return layers, data.labels, data.images, data.boundary_voxels


def _flags(values: ArrayLike, rows: int) -> Flags:
    flags = np.asarray(values)
    if flags.shape != (rows,) or flags.dtype != np.bool_:
        raise MetricError(
            f"boundary_voxels has shape {flags.shape} and is {flags.dtype}.",
            hint="Give one bool a voxel.",
        )
    return flags


def _leakage(matrix: Array, labels: Labels, anchors: NDArray[np.intp], voxels: int) -> float:
    """Mean share of edges between labels in the trees around some voxels of one image."""
    points = matrix - matrix.mean(axis=0)
    norms = np.einsum("pd,pd->p", points, points)
    level = SAME_DISTANCE * max(float(norms.max()), np.finfo(np.float64).tiny)
    far = norms[anchors, None] + norms - 2.0 * (points[anchors] @ points.T)
    count = min(voxels, len(points))
    # what rounding leaves between equal distances must not choose among them
    near = np.argsort(np.round(far / level), axis=1, kind="stable")[:, :count]
    patches = points[near]
    squares = norms[near]
    apart = squares[:, :, None] + squares[:, None, :] - 2.0 * (patches @ patches.swapaxes(1, 2))
    lengths = _ranks(apart, level)
    joins = (labels[near][:, :, None] != labels[near][:, None, :]).astype(np.int64)
    # of equally long edges those within a label first, and then those between labels
    least, most = (_between(2 * lengths + last, joins) for last in (joins, 1 - joins))
    return float((least + most).mean() / (2 * (count - 1)))


def _ranks(distances: Array, level: float) -> NDArray[np.int64]:
    """Ranks of the distances within each patch (A, k, k), equal for those that are nearly so."""
    flat = distances.reshape(len(distances), -1)
    order = np.argsort(flat, axis=1)
    steps = np.diff(np.take_along_axis(flat, order, axis=1), axis=1) > level
    ranks = np.zeros(flat.shape, dtype=np.int64)
    np.put_along_axis(ranks, order[:, 1:], steps.cumsum(axis=1), axis=1)
    return ranks.reshape(distances.shape)


def _between(weights: NDArray[np.int64], joins: NDArray[np.int64]) -> NDArray[np.int64]:
    """Edges between labels in the minimum spanning tree of each patch (A,), after Prim.

    Args:
        weights: of all edges, (A, k, k); equal ones are both between labels or neither is.
        joins: 1 for edges between labels, (A, k, k).
    """
    rows, done = np.arange(len(weights)), np.iinfo(np.int64).max
    reach, by, total = weights[:, 0].copy(), joins[:, 0].copy(), np.zeros(len(weights), np.int64)
    inside = np.zeros(reach.shape, dtype=bool)
    inside[:, 0] = True
    for _ in range(weights.shape[1] - 1):
        added = np.where(inside, done, reach).argmin(axis=1)
        total += by[rows, added]
        inside[rows, added] = True
        closer = weights[rows, added] < reach
        reach = np.where(closer, weights[rows, added], reach)
        by = np.where(closer, joins[rows, added], by)
    return total
