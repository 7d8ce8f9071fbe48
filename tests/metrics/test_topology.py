"""LBTC against Kruskal in plain loops, planted features, and what it does not depend on."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acrank.errors import MetricError
from acrank.metrics.feature_set import Array, Labels, as_feature_set
from acrank.metrics.features import NO_BOUNDARIES, Boundaries, feature_scores
from acrank.metrics.guards import collect_guards
from acrank.metrics.topology import Flags, lbtc

pytestmark = pytest.mark.filterwarnings("ignore::acrank.metrics.guards.GuardWarning")

Case = tuple[Array, Labels, Labels, Flags]


def case(seed: int, images: int = 4, each: int = 40, width: int = 6, apart: float = 2.0) -> Case:
    """Features with a mean for each class, labels, images, and ten marked voxels an image."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, images * each)
    centres = apart * generator.standard_normal((3, width))
    features = centres[labels] + generator.standard_normal((len(labels), width))
    places = np.repeat(np.arange(images), each)
    return features, labels, places, np.arange(len(labels)) % each < 10


def plain_leakage(points: Array, labels: Labels) -> float:
    """Share of edges between labels in the minimum spanning tree, after Kruskal."""
    count = len(points)
    edges = sorted((math.dist(points[a], points[b]), a, b) for a in range(count) for b in range(a))
    tree = list(range(count))
    between = 0
    for _, one, other in edges:
        first, second = tree[one], tree[other]
        if first != second:
            tree = [first if root == second else root for root in tree]
            between += labels[one] != labels[other]
    return between / (count - 1)


def plain_lbtc(features: Array, labels: Labels, images: Labels, flags: Flags, voxels: int) -> float:
    means = []
    for image in sorted(set(images)):
        rows = [row for row in range(len(images)) if images[row] == image]
        shares = []
        for anchor in (row for row in rows if flags[row]):
            far = {row: math.dist(features[anchor], features[row]) for row in rows}
            near = sorted(rows, key=far.__getitem__)[:voxels]
            shares.append(plain_leakage(features[near], labels[near]))
        if shares:
            means.append(sum(shares) / len(shares))
    return 1 - sum(means) / len(means)


@pytest.mark.parametrize("voxels", [2, 5, 16, 100])
@pytest.mark.parametrize("width", [1, 6, 60])
def test_plain_loops(voxels: int, width: int) -> None:
    one, labels, images, flags = case(width, width=width)
    other = case(width + 1, width=3)[0]
    flags[images == 2] = False  # an image without a boundary is left out
    expected = [plain_lbtc(layer, labels, images, flags, voxels) for layer in (one, other)]
    found = [lbtc([layer], labels, images, flags, voxels=voxels) for layer in (one, other)]
    assert found == pytest.approx(expected, rel=1e-9)
    both = lbtc([one, other], labels, images, flags, voxels=voxels)
    assert both == pytest.approx(sum(expected) / 2, rel=1e-9)


def test_a_value_by_hand() -> None:
    # a chain 0 - 1 - 2 - 3, of which the middle edge joins two labels; from its first voxel the
    # three nearest are 0, 1 and 2, from its last 3, 2 and 1
    features = np.array([[0.0], [1.0], [2.5], [4.5]])
    labels, images = np.array([0, 0, 1, 1]), np.zeros(4, dtype=np.int64)
    ends = np.array([True, False, False, True])
    assert lbtc([features], labels, images, ends, voxels=4) == pytest.approx(1 - 1 / 3)
    assert lbtc([features], labels, images, ends, voxels=3) == pytest.approx(1 - 1 / 2)
    assert lbtc([features], labels, images, ends, voxels=2) == pytest.approx(1.0)
    # all edges count, those at the voxel that a tree is built from too
    alone = np.array([0, 1, 1, 1])
    assert lbtc([features], alone, images, ends, voxels=4) == pytest.approx(1 - 1 / 3)


def test_classes_that_lie_apart_score_higher() -> None:
    scores = [lbtc([case(0, apart=a)[0]], *case(0, apart=a)[1:]) for a in (0.0, 1.0, 2.0, 4.0)]
    assert scores == sorted(scores)
    features, labels, images, flags = case(0, apart=100.0)
    with collect_guards() as fired:
        assert lbtc([features], labels, images, flags, voxels=4) == 1.0
    assert list(fired) == ["saturated"]
    shuffled = np.random.default_rng(0).permutation(labels)
    assert lbtc([features], shuffled, images, flags) < 0.6


@settings(max_examples=12)
@given(st.integers(0, 10_000), st.sampled_from([2, 6, 40]), st.floats(1e-3, 1e3))
def test_what_does_not_matter(seed: int, width: int, scale: float) -> None:
    features, labels, images, flags = case(seed, width=width)
    generator = np.random.default_rng(seed)
    value = pytest.approx(lbtc([features], labels, images, flags), abs=1e-9)
    order = generator.permutation(len(labels))
    assert lbtc([features[order]], labels[order], images[order], flags[order]) == value
    renamed = np.array([9, -2, 4])[labels], np.array([7, 1, -5, 3])[images]
    assert lbtc([features], *renamed, flags) == value
    rotation = np.linalg.qr(generator.standard_normal((width, width)))[0]
    assert lbtc([scale * features @ rotation + 3.0], labels, images, flags) == value
    assert lbtc([np.pad(features, ((0, 0), (0, 4)))], labels, images, flags) == value
    assert lbtc([features, features], labels, images, flags) == value
    single = features.astype(np.float32)
    close = lbtc([single.astype(np.float64)], labels, images, flags)
    assert lbtc([single], labels, images, flags) == close


def test_equal_distances_favour_no_one() -> None:
    # four voxels in one place: one edge of their tree joins the labels at least, all three do at
    # most, be it a path (two of each label) or a star around one that is alone
    features = np.array([[1.0], [1.0], [1.0], [1.0], [9.0]])
    images, flags = np.zeros(5, dtype=np.int64), np.array([True, False, False, False, False])
    for labels in ([0, 0, 1, 1, 0], [0, 1, 1, 1, 1]):
        found = lbtc([features], np.array(labels), images, flags, voxels=4)
        assert found == pytest.approx(1 - (1 / 3 + 3 / 3) / 2)
    # and the order of equal voxels does not matter
    rows = np.array([3, 1, 0, 2, 4])
    mixed = np.array([0, 0, 1, 1, 0])
    turned = lbtc([features[rows]], mixed[rows], images, flags[rows], voxels=4)
    assert turned == lbtc([features], mixed, images, flags, voxels=4)


def test_layers_that_do_not_vary() -> None:
    features, labels, images, flags = case(3)
    with collect_guards() as fired:
        found = lbtc([features, np.full((len(labels), 3), 0.1)], labels, images, flags)
        assert math.isnan(lbtc([np.zeros((len(labels), 2))], labels, images, flags))
    assert found == lbtc([features], labels, images, flags)
    assert fired == {"constant-features": "1 of 2 layers do not vary"}


def test_bad_arrays_are_refused() -> None:
    features, labels, images, flags = case(4)
    with pytest.raises(MetricError, match="no image has a voxel on a boundary"):
        lbtc([features], labels, images, np.zeros_like(flags))
    with pytest.raises(MetricError, match="missing"):
        lbtc([features], labels, images)
    with pytest.raises(MetricError, match="no layers"):
        lbtc([], labels, images, flags)
    with pytest.raises(MetricError, match="voxels is 1"):
        lbtc([features], labels, images, flags, voxels=1)
    with pytest.raises(MetricError, match="boundary_voxels has shape"):
        lbtc([features], labels, images, flags[:-1])
    with pytest.raises(MetricError, match="is int64"):
        lbtc([features], labels, images, flags.astype(np.int64))
    with pytest.raises(MetricError, match="features have 159 rows"):
        lbtc([features, features[:-1]], labels, images, flags)
    with pytest.raises(MetricError, match="on boundaries marked"):
        lbtc(as_feature_set(features, labels))


def test_other_scores_do_not_see_the_added_voxels() -> None:
    features, labels, images, flags = case(5)
    added = np.arange(len(labels)) % 40 < 4
    given = (features, labels, None, ["gbc", "lbtc", "cc_fv"])
    shared: dict[str, Any] = {"images": images, "widths": (6,), "replicates": 4}
    found = feature_scores(*given, **shared, boundaries=Boundaries(flags, added))
    rows = np.flatnonzero(~added)
    without = feature_scores(
        features[rows], labels[rows], None, ["gbc", "cc_fv"], images=images[rows], widths=(6,),
        replicates=4,
    )  # fmt: skip
    assert {name: found.scores[name] for name in without.scores} == without.scores
    assert found.scores["lbtc"].value == lbtc([features], labels, images, flags)
    pixels = replace(as_feature_set(features, labels), images=images, widths=(6,))
    part = replace(pixels, boundary_voxels=flags).take(np.flatnonzero(images != 1))
    kept = images != 1
    assert lbtc(part) == lbtc([features[kept]], labels[kept], images[kept], flags[kept])
    assert len(found.scores["lbtc"].replicates) == 4
    # rows of images, or of pixels without those on boundaries
    assert feature_scores(*given, **shared).undefined == {"lbtc": NO_BOUNDARIES}
