"""The distance of Gaussians against its oracle, dense linear algebra and closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from sklearn.covariance import LedoitWolf
from sklearn.datasets import load_digits

from acrank.errors import MetricError
from acrank.metrics import wasserstein
from acrank.metrics.feature_set import Array
from acrank.metrics.wasserstein import fit_gaussian, gaussian_w2, pairwise_w2

DIGITS = load_digits()
X, Y = DIGITS.data / 16.0, DIGITS.target

# Rows of each sample, channels: more, as many and fewer rows than channels, with and without
# room for both samples' axes, and one of each.
SIZES = (
    *((40, 50, 6), (10, 14, 16), (10, 12, 30), (3, 9, 40), (10, 40, 30), (6, 6, 5), (9, 9, 1)),
    *((8, 20, 8), (20, 8, 8)),
)


def sample(seed: int, rows: int, width: int) -> Array:
    generator = np.random.default_rng(seed)
    mixing = generator.standard_normal((width, width)) * 0.7 ** np.arange(width)
    return generator.standard_normal((rows, width)) @ mixing + generator.standard_normal(width)


def dense_covariance(rows: Array) -> Array:
    count, width = rows.shape
    if count > width:
        return np.asarray(np.cov(rows.T)).reshape(width, width)
    shrunk: Array = LedoitWolf().fit(rows).covariance_ * count / (count - 1)
    return shrunk


def dense_w2(a: Array, b: Array) -> float:
    one, two = dense_covariance(a), dense_covariance(b)
    root = sqrtm(one)
    between = np.trace(sqrtm(root @ two @ root)).real
    apart = float(((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum())
    return math.sqrt(apart + np.trace(one) + np.trace(two) - 2 * between)


def test_oracle() -> None:
    varying = X[:, X.std(axis=0) > 0]
    zero, one = varying[Y == 0], varying[Y == 1]
    # of covariances divided by n - 1; n gives 3.03834
    assert gaussian_w2(zero, one) == pytest.approx(3.04045872954, rel=1e-11)
    assert gaussian_w2(X[Y == 0], X[Y == 1]) == pytest.approx(3.04045872954, rel=1e-11)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_dense(size: tuple[int, int, int]) -> None:
    rows, others, width = size
    for seed in range(5):
        a, b = sample(seed, rows, width), sample(seed + 100, others, width)
        assert gaussian_w2(a, b) == pytest.approx(dense_w2(a, b), rel=1e-8)
        assert gaussian_w2(b, a) == pytest.approx(dense_w2(a, b), rel=1e-8)


@pytest.mark.parametrize("size", [(2, 2, 40), (2, 9, 40), (2, 30, 40)], ids=str)
def test_two_rows_have_no_variance_but_between_them(size: tuple[int, int, int]) -> None:
    rows, others, width = size
    a, b = sample(1, rows, width), sample(2, others, width)
    one, two = dense_covariance(a), dense_covariance(b)
    between = np.sqrt(np.abs(np.linalg.eigvals(one @ two).real)).sum()
    apart = float(((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum())
    expected = math.sqrt(apart + np.trace(one) + np.trace(two) - 2 * between)
    assert gaussian_w2(a, b) == pytest.approx(expected, rel=1e-6)


def test_closed_forms() -> None:
    one, two = np.array([[0.0], [2.0]]), np.array([[5.0], [9.0]])
    expected = math.sqrt((7 - 1) ** 2 + (math.sqrt(8) - math.sqrt(2)) ** 2)
    assert gaussian_w2(one, two) == pytest.approx(expected)
    rows = sample(0, 12, 40)
    assert gaussian_w2(rows, rows + 0.5) == pytest.approx(0.5 * math.sqrt(40), rel=1e-9)
    # the same axes and three times the spread
    middle = rows.mean(axis=0)
    expected = 2 * math.sqrt(float(np.trace(dense_covariance(rows))))
    assert gaussian_w2(rows, middle + 3 * (rows - middle)) == pytest.approx(expected, rel=1e-8)
    # a point: its covariance is none
    point = np.full((4, 40), 0.1)
    apart = float(((middle - 0.1) ** 2).sum()) + np.trace(dense_covariance(rows))
    assert gaussian_w2(rows, point) == pytest.approx(math.sqrt(apart), rel=1e-9)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_equal_samples_are_no_distance_apart(size: tuple[int, int, int]) -> None:
    rows, _, width = size
    a = sample(0, rows, width)
    assert gaussian_w2(a, a) == 0.0
    assert gaussian_w2(a, a[::-1]) == 0.0
    constant = np.full((3, width), 0.1)
    assert gaussian_w2(constant, np.full((7, width), 0.1)) == 0.0


@given(st.integers(0, 10_000), st.sampled_from(SIZES))
def test_what_does_not_matter(seed: int, size: tuple[int, int, int]) -> None:
    rows, others, width = size
    a, b = sample(seed, rows, width), sample(seed + 1, others, width)
    generator = np.random.default_rng(seed)
    value = gaussian_w2(a, b)
    rotation = np.linalg.qr(generator.standard_normal((width, width)))[0]
    assert gaussian_w2(a @ rotation, b @ rotation) == pytest.approx(value, rel=1e-7)
    assert gaussian_w2(a + 3.0, b + 3.0) == pytest.approx(value, rel=1e-7)
    assert gaussian_w2(a * 37.5, b * 37.5) == pytest.approx(37.5 * value, rel=1e-7)
    order = generator.permutation(rows)
    assert gaussian_w2(a[order], b) == pytest.approx(value, rel=1e-7)


@given(st.integers(0, 10_000), st.sampled_from([(4, 30), (20, 6)]))
def test_triangle_inequality(seed: int, size: tuple[int, int]) -> None:
    a, b, c = (sample(seed + number, *size) for number in range(3))
    assert gaussian_w2(a, c) <= gaussian_w2(a, b) + gaussian_w2(b, c) + 1e-9


def test_pairs_are_each_as_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [sample(number, 3 + number, 40) for number in range(6)]
    pairs = np.array([[0, 1], [4, 2], [0, 5], [3, 3], [1, 0], [0, 2]])
    monkeypatch.setattr(wasserstein, "BATCH", 2)
    found = pairwise_w2([fit_gaussian(rows) for rows in samples], pairs)
    expected = [gaussian_w2(samples[one], samples[other]) for one, other in pairs]
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("size", [(12, 40), (50, 6)], ids=str)
def test_the_fit_is_the_covariance(size: tuple[int, int]) -> None:
    rows = sample(3, *size)
    fit = fit_gaussian(rows)
    covariance = (fit.axes * fit.variances) @ fit.axes.T + fit.floor * np.eye(size[1])
    assert covariance == pytest.approx(dense_covariance(rows), rel=1e-9, abs=1e-12)
    assert fit.trace == pytest.approx(np.cov(rows.T).trace(), rel=1e-12)


def test_bad_samples_are_refused() -> None:
    rows = sample(0, 5, 3)
    with pytest.raises(MetricError, match="one row"):
        gaussian_w2(rows, rows[:1])
    with pytest.raises(MetricError, match="2 and 3 channels"):
        gaussian_w2(rows, rows[:, :2])
    with pytest.raises(MetricError, match="not a number"):
        gaussian_w2(rows, np.full((4, 3), np.inf))
