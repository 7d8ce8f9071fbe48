"""KITE against kernels written out, planted features, and what it does not depend on."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from acrank.errors import MetricError
from acrank.metrics.arrays import Array, Labels
from acrank.metrics.features import NO_RANDOM, feature_scores
from acrank.metrics.guards import collect_guards
from acrank.metrics.kernels import alignment, kite

DIGITS = load_digits()


def case(seed: int, count: int = 40, width: int = 6) -> tuple[Array, Labels, Array]:
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    centres = generator.standard_normal((3, width))
    features = centres[labels] + generator.standard_normal((count, width))
    return features, labels, features[:, :2] @ generator.standard_normal((2, 9)) + 1.0


def plain_cka(one: Array, other: Array) -> float:
    """From the definition: ``tr(KHLH) / sqrt(tr(KHKH) tr(LHLH))``, in plain loops."""
    count = len(one)

    def kernel(matrix: Array) -> list[list[float]]:
        dots = [[float(np.dot(a, b)) for b in matrix] for a in matrix]
        means = [sum(row) / count for row in dots]
        whole = sum(means) / count
        return [
            [dots[i][j] - means[i] - means[j] + whole for j in range(count)] for i in range(count)
        ]

    def product(left: list[list[float]], right: list[list[float]]) -> float:
        return sum(
            a * b for rows in zip(left, right, strict=True) for a, b in zip(*rows, strict=True)
        )

    first, second = kernel(one), kernel(other)
    return product(first, second) / math.sqrt(product(first, first) * product(second, second))


@pytest.mark.parametrize("width", [2, 6, 80])
def test_plain_loops(width: int) -> None:
    features, labels, random = case(width, width=width)
    expected = plain_cka(features, np.eye(3)[labels]) / plain_cka(features, random)
    assert kite(features, labels, random) == pytest.approx(expected, rel=1e-9)


def test_digits() -> None:
    # the other side of each product than the one that is used for so many images
    features, labels = DIGITS.data / 16.0, DIGITS.target
    random = np.tanh(features @ np.random.default_rng(0).normal(size=(64, 32)))
    centred = [m - m.mean(axis=0) for m in (features, np.eye(10)[labels], random)]
    kernels = [m @ m.T for m in centred]
    norms = [np.linalg.norm(kernel) for kernel in kernels]
    of_labels, of_random = (
        float((kernels[0] * kernels[n]).sum() / norms[0] / norms[n]) for n in (1, 2)
    )
    assert alignment(centred[0], centred[1]) == pytest.approx(of_labels, rel=1e-9)
    assert kite(features, labels, random) == pytest.approx(of_labels / of_random, rel=1e-9)


def test_features_of_the_labels_score_higher() -> None:
    features, labels, random = case(1)
    better = features + 3 * np.eye(3, 6)[labels]
    assert kite(better, labels, random) > kite(features, labels, random)
    assert kite(features, labels, features) == pytest.approx(
        plain_cka(features, np.eye(3)[labels])
    )  # a network that is as random as the other has the alignment with the labels alone
    assert kite(np.eye(3)[labels], labels, random) == pytest.approx(
        1 / plain_cka(np.eye(3)[labels], random)
    )


@settings(max_examples=12)
@given(st.integers(0, 10_000), st.sampled_from([2, 6, 60]), st.floats(1e-3, 1e3))
def test_what_does_not_matter(seed: int, width: int, scale: float) -> None:
    features, labels, random = case(seed, width=width)
    generator = np.random.default_rng(seed)
    value = pytest.approx(kite(features, labels, random), rel=1e-6)
    order = generator.permutation(len(labels))
    assert kite(features[order], labels[order], random[order]) == value
    assert kite(features, np.array([7, -2, 1000])[labels], random) == value
    turn, other = (np.linalg.qr(generator.standard_normal((d, d)))[0] for d in (width, 9))
    assert kite(scale * features @ turn + 5.0, labels, random) == value
    assert kite(features, labels, scale * random @ other - 5.0) == value
    padded = [np.pad(m, ((0, 0), (0, 4))) for m in (features, random)]
    assert kite(padded[0], labels, padded[1]) == value
    # features of a deep random network can be very small
    assert kite(features, labels, 1e-200 * random) == value


def test_what_does_not_vary() -> None:
    features, labels, random = case(2)
    for given_ in ((np.full((40, 5), 0.1), random), (features, np.full((40, 5), 0.1))):
        with collect_guards() as fired:
            assert math.isnan(kite(given_[0], labels, given_[1]))
        assert list(fired) == ["constant-features"]


def test_bad_arrays_are_refused() -> None:
    features, labels, random = case(3)
    with pytest.raises(MetricError, match="no features of a random network"):
        kite(features, labels)
    with pytest.raises(MetricError, match="random_features has 39 rows"):
        kite(features, labels, random[:-1])
    with pytest.raises(MetricError, match="same label"):
        kite(features, np.zeros(40, dtype=int), random)


def test_it_has_an_interval_and_reasons() -> None:
    features, labels, random = case(4)
    names = ["kite", "log_me"]
    found = feature_scores(features, labels, None, names, random_features=random, replicates=5)
    assert found.scores["kite"].value == kite(features, labels, random)
    parts = found.scores["kite"].replicates
    assert len(set(parts)) == 5
    assert feature_scores(features, labels, None, names).undefined == {"kite": NO_RANDOM}
    broken = np.where(np.arange(9) == 3, np.inf, random)
    found = feature_scores(features, labels, None, names, random_features=broken)
    assert list(found.undefined) == ["kite"]
    assert list(found.guards["kite"]) == ["not-finite"]
    assert list(found.scores) == ["log_me"]
