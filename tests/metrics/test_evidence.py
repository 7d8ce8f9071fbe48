"""LogME against its oracles and against the evidence written out in full."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from sklearn.datasets import load_diabetes, load_digits

from acrank.errors import MetricError
from acrank.metrics import GuardWarning
from acrank.metrics.evidence import log_me
from acrank.metrics.feature_set import Array, Labels, as_feature_set

DIGITS = load_digits()
X, Y = DIGITS.data / 16.0, DIGITS.target


def drawn(seed: int, count: int, width: int, classes: int = 3) -> tuple[Array, Labels]:
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    return generator.normal(size=(count, width)) + labels[:, None] * generator.normal(), labels


def evidence_in_full(features: Array, target: Array) -> float:
    """The maximum over both precisions of log N(y; 0, F F' / alpha + I / beta), divided by N."""

    def negative(logs: Array) -> float:
        alpha, beta = np.exp(logs)
        covariance = features @ features.T / alpha + np.eye(len(target)) / beta
        return -float(stats.multivariate_normal(np.zeros(len(target)), covariance).logpdf(target))

    starts = [(0.0, 0.0), (5.0, 2.0), (-3.0, 3.0)]
    found = [
        optimize.minimize(
            negative,
            np.array(start),
            method="Nelder-Mead",
            options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 4000},
        )
        for start in starts
    ]
    return -min(float(result.fun) for result in found) / len(target)


@pytest.mark.parametrize(
    ("rows", "expected"), [(1797, 0.270277627377), (500, 0.281800522421), (50, 0.0821841809121)]
)
def test_digits(rows: int, expected: float) -> None:
    assert log_me(X[:rows], Y[:rows]) == pytest.approx(expected, rel=1e-9)


def test_columns_without_variance_are_nothing() -> None:
    varying = X[:, X.std(axis=0) > 0]
    assert varying.shape[1] == 61
    assert log_me(varying, Y) == pytest.approx(0.270277627377, rel=1e-9)
    padded = np.pad(X[:50], ((0, 0), (0, 2048 - 64)))
    assert log_me(padded, Y[:50]) == pytest.approx(0.0821841809121, rel=1e-9)


def test_regression() -> None:
    data = load_diabetes()
    assert log_me(data.data, data.target, task="regression") == pytest.approx(-6.52356396225)
    z = (data.target - data.target.mean()) / data.target.std()
    assert log_me(data.data, z, task="regression") == pytest.approx(-1.09904146967, rel=1e-9)
    both = np.stack([data.target, z], axis=1)
    assert log_me(data.data, both, task="regression") == pytest.approx(
        (-6.52356396225 - 1.09904146967) / 2, rel=1e-9
    )


@pytest.mark.parametrize(("count", "width"), [(12, 3), (12, 11), (12, 12), (12, 30)])
@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_it_is_the_evidence_written_out(count: int, width: int, offset: float) -> None:
    generator = np.random.default_rng(count * width)
    features = generator.normal(size=(count, width)) + offset
    target = features[:, 0] + generator.normal(size=count) * 0.7
    expected = evidence_in_full(features, target)
    assert log_me(features, target, task="regression") == pytest.approx(expected, abs=1e-6)


def test_classes_are_columns() -> None:
    features, labels = drawn(0, 30, 5)
    columns = np.eye(3)[labels]
    expected = np.mean([log_me(features, c, task="regression") for c in columns.T])
    assert log_me(features, labels) == pytest.approx(expected, rel=1e-12)
    assert log_me(features, columns, task="multilabel") == pytest.approx(expected, rel=1e-12)
    silent = np.hstack([columns, np.ones((30, 1)), np.zeros((30, 1))])
    assert log_me(features, silent, task="multilabel") == pytest.approx(expected, rel=1e-12)


def test_noise_does_not_score_by_width() -> None:
    """The widely copied fixed point gives 198 for 50 images of noise in 2048 channels."""
    generator = np.random.default_rng(0)
    labels = np.arange(50) % 5
    base = log_me(generator.normal(size=(50, 64)), labels)
    wide = log_me(generator.normal(size=(50, 2048)), labels)
    null = float(np.mean(-0.5 * np.log(2 * math.pi * math.e * 0.2)))
    assert abs(wide - base) < 0.2
    assert wide < null + 0.3


@pytest.mark.filterwarnings("ignore::acrank.metrics.guards.GuardWarning")
@given(st.integers(0, 10**6), st.integers(6, 40), st.integers(1, 60), st.floats(1e-5, 1e5))
def test_scale_rotation_and_zero_columns(seed: int, count: int, width: int, scale: float) -> None:
    features, labels = drawn(seed, count, width)
    value = log_me(features, labels)
    rotation = stats.ortho_group.rvs(width, random_state=seed) if width > 1 else np.ones((1, 1))
    close = pytest.approx(value, rel=1e-6, abs=1e-6)
    assert log_me(features * scale, labels) == close
    assert log_me(features @ rotation, labels) == close
    assert log_me(np.pad(features, ((0, 0), (0, 7))), labels) == close


def test_labels_that_are_explained_exactly_are_pointed_out() -> None:
    features, labels = drawn(1, 20, 40)
    features[:, :3] += 50 * np.eye(3)[labels]
    with pytest.warns(GuardWarning, match="interpolating"):
        log_me(features, labels)


def test_constant_features_have_no_score() -> None:
    with pytest.warns(GuardWarning, match="constant-features"):
        assert math.isnan(log_me(np.ones((6, 4)), [0, 1] * 3))


def test_targets_that_do_not_fit() -> None:
    features = np.ones((4, 2))
    with pytest.raises(MetricError, match="zeros and ones"):
        log_me(features, [[0.5], [1.0], [0.0], [1.0]], task="multilabel")
    with pytest.raises(MetricError, match="do not fit 4 images"):
        log_me(features, [1.0, 2.0], task="regression")
    with pytest.raises(MetricError, match="zero for every image"):
        log_me(features, [0.0] * 4, task="regression")
    for column in (0.0, 1.0):
        with pytest.raises(MetricError, match="No label varies"):
            log_me(features, [[column, 1.0]] * 4, task="multilabel")
    with pytest.raises(MetricError, match="as two arrays"):
        log_me(as_feature_set(features, [0, 1, 0, 1]), task="regression")
