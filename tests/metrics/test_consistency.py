"""CC-FV against plain loops, on features planted to be good or bad, and its invariances."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acrank.errors import MetricError
from acrank.metrics.consistency import _pairs, cc_fv, class_consistency
from acrank.metrics.feature_set import Array, Labels, as_feature_set
from acrank.metrics.guards import collect_guards
from acrank.metrics.hypersphere import feature_variety
from acrank.metrics.wasserstein import gaussian_w2


def voxels(images: int = 6, classes: int = 3, each: int = 8) -> tuple[Labels, Labels]:
    """Labels and images of as many voxels of each class in each image."""
    labels = np.tile(np.repeat(np.arange(classes), each), images)
    return labels, np.repeat(np.arange(images), classes * each)


def features(
    seed: int, labels: Labels, images: Labels, width: int = 12, *, apart: float = 0.5
) -> Array:
    """Features of a mean for each class, moved by as much as ``apart`` in each image."""
    generator = np.random.default_rng(seed)
    centres = 2 * generator.standard_normal((labels.max() + 1, width))
    moves = apart * generator.standard_normal((images.max() + 1, labels.max() + 1, width))
    noise = generator.standard_normal((len(labels), width))
    return centres[labels] + moves[images, labels] + noise


def plain_consistency(matrix: Array, labels: Labels, images: Labels) -> float:
    means = []
    for label in sorted(set(labels)):
        parts = [matrix[(labels == label) & (images == image)] for image in sorted(set(images))]
        parts = [part for part in parts if len(part) > 1]
        if len(parts) > 1:
            distances = [gaussian_w2(*pair) for pair in itertools.combinations(parts, 2)]
            means.append(sum(distances) / len(distances))
    return sum(means) / len(means)


@pytest.mark.parametrize("width", [5, 12, 40])
def test_plain_loops(width: int) -> None:
    generator = np.random.default_rng(width)
    labels, images = generator.integers(0, 3, 60), generator.integers(0, 5, 60)
    layers = [features(seed, labels, images, width) for seed in range(2)]
    expected = [plain_consistency(layer, labels, images) for layer in layers]
    found = [class_consistency(layer, labels, images) for layer in layers]
    assert found == pytest.approx(expected, rel=1e-9)
    terms = [
        math.log(feature_variety(layer, images) / consistency)
        for layer, consistency in zip(layers, expected, strict=True)
    ]
    assert cc_fv(layers, labels, images) == pytest.approx(sum(terms) / 2, rel=1e-9)


def test_consistent_features_score_higher_than_noise() -> None:
    labels, images = voxels(10, 3, 16)
    scores = []
    for apart in (0.0, 1.0, 4.0):
        layers = [features(seed, labels, images, 32, apart=apart) for seed in range(2)]
        scores.append(cc_fv(layers, labels, images))
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1] + 1
    # what separates the classes is consistent within each, but not over shuffled labels
    generator = np.random.default_rng(0)
    layer = features(0, labels, images, 32, apart=0.0)
    assert cc_fv([layer], labels, images) > cc_fv([layer], generator.permutation(labels), images)
    # equally consistent, but all in one direction
    collapsed = layer + 30.0
    assert cc_fv([layer], labels, images) > cc_fv([collapsed], labels, images) + 1


@settings(max_examples=12)
@given(st.integers(0, 10_000), st.sampled_from([4, 12, 40]))
def test_what_does_not_matter(seed: int, width: int) -> None:
    labels, images = voxels(5)
    generator = np.random.default_rng(seed)
    layers = [features(seed + number, labels, images, width) for number in range(2)]
    value = pytest.approx(cc_fv(layers, labels, images), abs=1e-7)
    assert cc_fv(layers[::-1], labels, images) == value
    assert cc_fv(layers, np.array([9, -2, 4])[labels], np.array([7, 1, -5, 3, 0])[images]) == value
    order = generator.permutation(len(labels))
    assert cc_fv([layer[order] for layer in layers], labels[order], images[order]) == value
    rotation = np.linalg.qr(generator.standard_normal((width, width)))[0]
    assert cc_fv([layers[0] @ rotation, layers[1]], labels, images) == value
    assert cc_fv([layer.astype(np.float32) for layer in layers], labels, images) == pytest.approx(
        cc_fv(layers, labels, images), abs=1e-4
    )


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.floats(1e-3, 1e3))
def test_scale_lowers_it_by_its_logarithm(seed: int, scale: float) -> None:
    labels, images = voxels(4)
    layer = features(seed, labels, images)
    before = class_consistency(layer, labels, images)
    assert class_consistency(scale * layer, labels, images) == pytest.approx(scale * before)
    shifted = cc_fv([scale * layer], labels, images) + math.log(scale)
    assert shifted == pytest.approx(cc_fv([layer], labels, images), abs=1e-7)


@pytest.mark.parametrize("images", [2, 3, 4, 5, 8, 9])
def test_pairs_are_different_and_balanced(images: int) -> None:
    everything = set(itertools.combinations(range(images), 2))
    for most in (None, *range(1, len(everything) + 2)):
        pairs = _pairs(images, most, seed=3)
        found = {(min(pair), max(pair)) for pair in pairs.tolist()}
        assert found <= everything
        assert len(found) == len(pairs) == min(most or len(everything), len(everything))
        if most is not None and most % images == 0 and most < len(everything):
            assert set(np.bincount(pairs.ravel())) == {2 * most // images}


def test_some_pairs_stand_for_all() -> None:
    labels, images = voxels(24, 2, 6)
    layer = features(0, labels, images)
    whole = class_consistency(layer, labels, images, pairs=None)
    some = [class_consistency(layer, labels, images, pairs=72, seed=seed) for seed in range(4)]
    assert some == pytest.approx([whole] * 4, rel=0.03)
    assert len(set(some)) == 4
    assert class_consistency(layer, labels, images, pairs=72, seed=0) == some[0]
    # neither the draw nor the value knows the names of classes
    assert class_consistency(layer, 1 - labels, images, pairs=72) == pytest.approx(some[0])


def test_classes_and_images_left_out() -> None:
    labels, images = voxels(4, 2, 6)
    layer = features(0, labels, images)
    with collect_guards() as fired:
        value = class_consistency(layer, labels, images)
        # a voxel alone in its image does not count
        more = np.vstack([layer, np.full((1, 12), 50.0)])
        one = class_consistency(more, np.append(labels, 0), np.append(images, 9))
    assert one == pytest.approx(value)
    assert fired == {}
    with collect_guards() as fired:
        # nor does a class that one image has
        more = np.vstack([layer, np.full((3, 12), 50.0)])
        alone = class_consistency(more, np.append(labels, [5] * 3), np.append(images, [0] * 3))
    assert alone == pytest.approx(value)
    assert fired == {"single-sample-class": "1 of 3 not in two images"}


def test_no_class_in_two_images() -> None:
    labels, images = voxels(2, 1, 4)
    layer = features(0, labels, images)
    with collect_guards() as fired:
        assert math.isnan(class_consistency(layer, images, images))
        assert math.isnan(cc_fv([layer], images, images))
    assert list(fired) == ["single-sample-class"]


def test_features_that_do_not_differ() -> None:
    labels, images = voxels(3, 2, 6)
    layer = features(0, labels, images)
    # every image is the same, or every voxel is
    same = np.tile(layer[images == 0], (3, 1))
    for bad in (same, np.full((len(labels), 5), 0.1), np.zeros((len(labels), 5))):
        with collect_guards() as fired:
            assert class_consistency(bad, labels, images) == 0.0
            assert math.isnan(cc_fv([bad], labels, images))
            assert "1 of 1 layers" in fired["constant-features"]
            value = cc_fv([bad, layer], labels, images)
        assert value == pytest.approx(cc_fv([layer], labels, images))


def test_bad_arrays_are_refused() -> None:
    labels, images = voxels(3, 2, 4)
    layer = features(0, labels, images)
    broken = layer.copy()
    broken[3, 1] = math.nan
    with pytest.raises(MetricError, match="no layers"):
        cc_fv([], labels, images)
    with pytest.raises(MetricError, match="layer 1 holds 1 values"):
        cc_fv([layer, broken], labels, images)
    with pytest.raises(MetricError, match="labels has shape"):
        cc_fv([layer], labels[:-1], images)
    with pytest.raises(MetricError, match="images are float64"):
        cc_fv([layer], labels, images + 0.5)
    with pytest.raises(MetricError, match="features have 23 rows"):
        cc_fv([layer, layer[:-1]], labels, images)
    with pytest.raises(MetricError, match="pairs is 0"):
        cc_fv([layer], labels, images, pairs=0)


def test_a_set_of_pixels_is_parted_by_its_widths() -> None:
    generator = np.random.default_rng(5)
    layers = [generator.normal(size=(40, width)) for width in (3, 5)]
    labels, images = np.arange(40) % 2, np.arange(40) // 10
    pixels = replace(as_feature_set(np.hstack(layers), labels), images=images, widths=(3, 5))
    assert cc_fv(pixels) == cc_fv(layers, labels, images)
    rows = np.flatnonzero(images != 2)
    part = cc_fv([layer[rows] for layer in layers], labels[rows], images[rows])
    assert cc_fv(pixels.take(rows)) == part
    with pytest.raises(MetricError, match="are features of images"):
        cc_fv(as_feature_set(layers[0], labels))
    with pytest.raises(MetricError, match="missing"):
        cc_fv(layers, labels)
