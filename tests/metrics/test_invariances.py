"""What must not matter to any metric of features, and what none may do to bad input."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acrank.errors import MetricError
from acrank.metrics import METRICS
from acrank.metrics.compute import Computed
from acrank.metrics.feature_set import Array, Labels, as_feature_set
from acrank.metrics.features import feature_scores
from acrank.metrics.metric import CLASSIFICATION

# Those of pixels alone have tests of their own.
NAMES = tuple(
    name
    for name, metric in METRICS.items()
    if metric.kind == "features" and CLASSIFICATION in metric.tasks
)
# They look at the source head alone.
HEADS = tuple(name for name in NAMES if "source_probs" in METRICS[name].needs)
# They look at something besides the features.
MORE = tuple(name for name in NAMES if METRICS[name].needs)
# Their scale, or a prior's, is fixed by definition.
OF_SCALE = ("transrate", "sfda", "ncti_vc", "ncti_seli", "ncti_ncc", "etran_energy", "pactran")
# They count channels, or treat each for itself.
OF_CHANNELS = ("h_score_regularised", "sfda", "etran_energy", "parc")
# Clusters and cross-validated fits stop at a tolerance.
LOOSE = ("nleep", "linear_probe", "linear_probe_log_likelihood", "pactran", "pactran_dirichlet")

every = pytest.mark.parametrize("name", NAMES)
pytestmark = pytest.mark.filterwarnings("ignore::acrank.metrics.guards.GuardWarning")


def drawn(seed: int, count: int = 36, width: int = 5) -> tuple[Array, Labels, Array]:
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    features = (
        generator.normal(size=(count, width)) + 1.5 * generator.normal(size=(3, width))[labels]
    )
    return features, labels, generator.dirichlet(np.full(6, 0.5), count)


def value(name: str, features: Any, labels: Any, probs: Array) -> float:
    # any matrix may stand for the features of a random network
    data = replace(as_feature_set(features, labels, probs), random_features=probs)
    return float(METRICS[name].load()(data))


def scores(features: Array, labels: Any, probs: Array, name: str, replicates: int) -> Computed:
    return feature_scores(
        features, labels, probs, [name], random_features=probs, replicates=replicates
    )


def same(name: str, first: float, rel: float = 1e-6) -> Any:
    return pytest.approx(first, rel=0.02 if name in LOOSE else rel, abs=1e-9, nan_ok=True)


@every
@settings(max_examples=8)
@given(seed=st.integers(0, 10**6), wide=st.booleans())
def test_order_names_and_precision(name: str, seed: int, wide: bool) -> None:
    features, labels, probs = drawn(seed, width=60 if wide else 5)
    expected = same(name, value(name, features, labels, probs))
    order = np.random.default_rng(seed).permutation(len(labels))
    assert value(name, features[order], labels[order], probs[order]) == expected
    assert value(name, features, np.array([7, -2, 1000])[labels], probs) == expected
    single = features.astype(np.float32)
    close = same(name, value(name, single.astype(np.float64), labels, probs), rel=1e-5)
    assert value(name, single, labels, probs) == close


CHANGES: dict[str, tuple[tuple[str, ...], Callable[[Array, int], Array]]] = {
    "scale": (OF_SCALE, lambda features, seed: features * 37.5),
    "zero columns": (OF_CHANNELS, lambda features, seed: np.pad(features, ((0, 0), (0, 4)))),
    "rotation": (OF_CHANNELS, lambda features, seed: features @ rotation(features.shape[1], seed)),
}


def rotation(width: int, seed: int) -> Array:
    matrix = np.random.default_rng(seed).normal(size=(width, width))
    return np.asarray(np.linalg.qr(matrix)[0])


@every
@pytest.mark.parametrize("change", CHANGES)
@settings(max_examples=5)
@given(seed=st.integers(0, 10**6))
def test_scale_rotation_and_zero_columns(name: str, change: str, seed: int) -> None:
    matters, apply = CHANGES[change]
    features, labels, probs = drawn(seed)
    before = value(name, features, labels, probs)
    after = value(name, apply(features, seed), labels, probs)
    if name not in matters:
        assert after == same(name, before)


@pytest.mark.parametrize("name", [name for name in OF_SCALE if name not in HEADS])
def test_scale_does_matter_where_it_is_said_to(name: str) -> None:
    features, labels, probs = drawn(0)
    changed = value(name, features * 37.5, labels, probs)
    assert changed != pytest.approx(value(name, features, labels, probs), rel=1e-6)


@every
@pytest.mark.parametrize(
    ("count", "width"), [(36, 36), (36, 37), (36, 300), (4, 2), (4, 50)], ids=str
)
def test_few_images_give_a_number_or_a_reason(name: str, count: int, width: int) -> None:
    features, labels, probs = drawn(1, count, width)
    found = scores(features, labels % 2, probs, name, 2)
    if name in found.scores:
        assert math.isfinite(found.scores[name].value)
    else:
        assert found.undefined[name]
        assert found.guards.get(name), "a metric without a value says why by a guard"


# A class of one image leads them astray.
SINGLE = (
    *("transrate", "gbc", "sfda", "ncti_vc", "ncti_seli", "ncti_ncc", "etran_lda", "knn"),
    *("linear_probe", "linear_probe_log_likelihood"),
)


@every
def test_one_image_in_a_class(name: str) -> None:
    features, labels, probs = drawn(2)
    labels %= 2
    labels[0] = 2
    found = scores(features, labels, probs, name, 3)
    assert math.isfinite(found.scores[name].value)
    assert ("single-sample-class" in found.guards.get(name, {})) == (name in SINGLE)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in HEADS])
def test_constant_features_have_no_score_or_say_so(name: str) -> None:
    _, labels, probs = drawn(3)
    found = scores(np.full((36, 5), 2.0), labels, probs, name, 2)
    if name != "etran_energy":  # it looks at no spread
        assert "constant-features" in found.guards[name]


@every
def test_bad_arrays_are_refused(name: str) -> None:
    features, labels, probs = drawn(4)
    function = METRICS[name].load()
    first = probs if name in HEADS else features
    if name == "etran_energy":  # takes no labels
        return
    more = {"random_features": probs} if name not in HEADS and name in MORE else {}
    with pytest.raises(MetricError, match="labels"):
        function(first, labels[:-1], **more)
    with pytest.raises(MetricError, match="same label"):
        function(first, np.zeros(36, dtype=int), **more)
    with pytest.raises(MetricError, match="integers"):
        function(first, labels + 0.5, **more)
    broken = first.copy()
    broken[3, 1] = np.inf
    with pytest.raises(MetricError, match="not a number"):
        function(broken, labels, **more)
