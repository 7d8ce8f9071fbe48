"""Hyperspherical energy and feature variety against plain loops and known arrangements."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrank.errors import MetricError
from acrank.metrics import hypersphere
from acrank.metrics.feature_set import Array
from acrank.metrics.guards import collect_guards
from acrank.metrics.hypersphere import NEAREST, feature_variety, hyperspherical_energy


def plain_energy(features: Array) -> float:
    units = []
    for row in features:
        norm = math.sqrt(float((row**2).sum()))
        units.append(row / norm if norm else row)
    terms = []
    for i in range(len(units)):
        for j in range(len(units)):
            if i != j:
                terms.append(1 / max(float(np.linalg.norm(units[i] - units[j])), NEAREST))
    return sum(terms) / len(terms)


def relu(seed: int, voxels: int, width: int) -> Array:
    drawn = np.random.default_rng(seed).standard_normal((voxels, width))
    return np.maximum(drawn, 0.0)


@given(st.integers(0, 10_000), st.integers(2, 25), st.integers(1, 8))
def test_energy_plain_loops(seed: int, voxels: int, width: int) -> None:
    features = relu(seed, voxels, width)  # few channels: zeros and equal directions
    with collect_guards():
        value = hyperspherical_energy(features)
    assert value == pytest.approx(plain_energy(features), rel=1e-9)
    assert 0.5 - 1e-9 <= value <= 1 / NEAREST + 1e-9


def test_energy_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    features = relu(1, 50, 5)
    monkeypatch.setattr(hypersphere, "ROWS", 7)
    assert hyperspherical_energy(features) == pytest.approx(plain_energy(features), rel=1e-9)


def test_energy_of_known_arrangements() -> None:
    assert hyperspherical_energy([[3.0, 0.0], [-0.1, 0.0]]) == pytest.approx(0.5)
    simplex = np.eye(4) - 0.25
    assert hyperspherical_energy(simplex) == pytest.approx(1 / math.sqrt(8 / 3))
    axes = np.vstack([np.eye(3), -np.eye(3)])
    expected = (4 / math.sqrt(2) + 0.5) / 5
    assert hyperspherical_energy(axes) == pytest.approx(expected)
    many = np.random.default_rng(0).standard_normal((300, 1000))
    assert hyperspherical_energy(many) == pytest.approx(math.sqrt(0.5), rel=1e-3)


def test_energy_does_not_grow_with_the_number_of_voxels() -> None:
    few, many = (relu(seed, voxels, 32) for seed, voxels in ((0, 40), (1, 600)))
    assert hyperspherical_energy(few) == pytest.approx(hyperspherical_energy(many), rel=0.02)


def test_voxels_of_zeros_stand_at_the_centre() -> None:
    with collect_guards():
        assert hyperspherical_energy([[0.0, 0.0], [5.0, 1.0]]) == pytest.approx(1.0)
        assert hyperspherical_energy(np.zeros((3, 2))) == pytest.approx(1 / NEAREST)


def test_a_guard_where_coinciding_voxels_decide() -> None:
    features = np.random.default_rng(0).standard_normal((20, 6))
    with collect_guards() as fired:
        hyperspherical_energy(features)
    assert fired == {}
    # one pair in 190 adds 0.5 to an energy of 0.8
    features[1] = 3 * features[0]
    with collect_guards() as fired:
        hyperspherical_energy(features)
    assert fired == {}
    features[2] = features[0]
    with collect_guards() as fired:
        hyperspherical_energy(features)
        assert list(fired) == ["constant-features"]
        fired.clear()
        feature_variety(features, np.repeat([0, 1], 10))
    assert "of the energy is of pairs of voxels that coincide" in fired["constant-features"]


@given(st.integers(0, 10_000))
def test_what_does_not_matter(seed: int) -> None:
    generator = np.random.default_rng(seed)
    features, images = relu(seed, 40, 6), generator.integers(0, 4, 40)
    with collect_guards():
        for metric in (hyperspherical_energy, lambda rows: feature_variety(rows, images)):
            value = pytest.approx(metric(features), rel=1e-7)
            rotation = np.linalg.qr(generator.standard_normal((6, 6)))[0]
            assert metric(features @ rotation) == value
            assert metric(features * 1e-150) == value
            assert metric(features * 1e200) == value
            assert metric(features * generator.uniform(0.1, 9.0, (40, 1))) == value
            assert metric(np.hstack([features, np.zeros((40, 3))])) == value
        value = pytest.approx(feature_variety(features, images), rel=1e-9)
        order = generator.permutation(40)
        assert feature_variety(features[order], images[order]) == value
        assert feature_variety(features, np.array([9, -4, 0, 3])[images]) == value


def test_variety_is_the_mean_over_images() -> None:
    features = np.random.default_rng(3).standard_normal((31, 5))
    images = np.repeat([4, 1, 9], [10, 20, 1])  # the last one has no pair
    inverse = [1 / plain_energy(features[:10]), 1 / plain_energy(features[10:30])]
    with collect_guards():
        assert feature_variety(features, images) == pytest.approx(sum(inverse) / 2, rel=1e-9)


def test_varied_features_are_above_collapsed_ones() -> None:
    generator, images = np.random.default_rng(0), np.repeat(np.arange(5), 20)
    noise = generator.standard_normal((100, 8))
    values = [feature_variety(shift + noise, images) for shift in (0.0, 2.0, 10.0)]
    assert values == sorted(values, reverse=True)


def test_too_few_voxels() -> None:
    with pytest.raises(MetricError, match="one voxel"):
        hyperspherical_energy([[1.0, 2.0]])
    with collect_guards() as fired:
        assert math.isnan(feature_variety(np.eye(3), [0, 1, 2]))
    assert list(fired) == ["single-sample-class"]


def test_bad_arrays_are_refused() -> None:
    with pytest.raises(MetricError, match="not a number"):
        hyperspherical_energy([[1.0], [math.nan]])
    with pytest.raises(MetricError, match="images"):
        feature_variety(np.eye(3), [0, 0])
