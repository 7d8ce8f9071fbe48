"""The weighted alpha against brute force, known laws and scipy, and what it does not depend on."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import nn

from acrank.errors import MetricError
from acrank.metrics.arrays import Array
from acrank.metrics.compute import compute
from acrank.metrics.spectra import LEAST, alpha_hat, eigenvalues, fit_tail
from acrank.scoring.weights import weights_of


def plain_tail(values: list[float]) -> tuple[float, float]:
    """Exponent and distance of the best start, in plain loops over sorted values."""
    best = (math.nan, math.inf)
    for start in sorted(values)[:-1]:
        above = sorted(value for value in values if value >= start)
        exponent = 1 + len(above) / sum(math.log(value / start) for value in above)
        distance = 0.0
        for value in above:
            share = sum(other < value for other in above) / len(above)
            distance = max(distance, abs(1 - (value / start) ** (1 - exponent) - share))
        if distance < best[1]:
            best = (exponent, distance)
    return best


def plain_alpha_hat(weights: dict[str, Array]) -> float:
    terms = []
    for weight in weights.values():
        parts = weight.reshape(*weight.shape[:2], -1)
        values: list[float] = []
        for place in range(parts.shape[2]):
            singular = np.linalg.svd(parts[:, :, place], compute_uv=False)
            values += [float(value) ** 2 for value in singular]
        if len(values) >= LEAST:
            terms.append(plain_tail(values)[0] * math.log10(max(values)))
    return -sum(terms) / len(terms)


def heavy(seed: int, outputs: int = 60, inputs: int = 80, *kernel: int) -> Array:
    """Weights whose spectra have tails."""
    generator = np.random.default_rng(seed)
    return generator.standard_t(3.0, size=(outputs, inputs, *kernel)) / math.sqrt(inputs)


def planted(values: Array, seed: int = 0) -> Array:
    """A matrix that has these eigenvalues of W' W."""
    generator = np.random.default_rng(seed)
    left, right = (np.linalg.qr(generator.normal(size=(len(values),) * 2))[0] for _ in range(2))
    return np.asarray(left @ np.diag(np.sqrt(values)) @ right)


def test_brute_force() -> None:
    weights = {
        "linear": heavy(0),
        "tall": heavy(1, 90, 55),
        "kernel": heavy(2, 12, 9, 3, 3),
        "volume": heavy(3, 4, 6, 3, 3, 3),
        "depthwise": heavy(4, 64, 1, 5, 5),  # 25 eigenvalues, too few
    }
    assert alpha_hat(weights) == pytest.approx(plain_alpha_hat(weights), rel=1e-9)
    assert alpha_hat(weights) == alpha_hat({**weights, "depthwise": heavy(5, 64, 1, 5, 5)})


@pytest.mark.parametrize("alpha", [1.8, 2.5, 4.0])
def test_the_exponent_of_a_known_law(alpha: float) -> None:
    count = 2000
    values = 3.0 * (1 + np.random.default_rng(7).pareto(alpha - 1, size=count))
    tail = fit_tail(values)
    assert tail is not None
    # within three standard errors of the maximum likelihood over the tail that was chosen
    assert tail.alpha == pytest.approx(alpha, abs=3 * (alpha - 1) / math.sqrt(tail.size))
    above = values[values >= tail.start]
    assert len(above) == tail.size
    shape, _, _ = stats.pareto.fit(above, floc=0, fscale=tail.start)
    assert tail.alpha == pytest.approx(1 + shape, rel=1e-6)
    # of the same law without its start: the body below it is left out
    body = np.random.default_rng(8).uniform(0.5, 3.0, size=3000)
    mixed = fit_tail(np.concatenate([body, values]))
    assert mixed is not None
    assert mixed.start >= 2.5
    assert mixed.alpha == pytest.approx(alpha, abs=4 * (alpha - 1) / math.sqrt(mixed.size))


def test_a_planted_spectrum() -> None:
    values = 0.2 * (1 + np.random.default_rng(3).pareto(1.5, size=150))
    weight = planted(values)
    assert eigenvalues(weight) == pytest.approx(np.sort(values), rel=1e-8)
    expected = -plain_tail(list(values))[0] * math.log10(values.max())
    assert alpha_hat({"w": weight}) == pytest.approx(expected, rel=1e-6)


def test_a_value_by_hand() -> None:
    # from 1 on alpha is 1 + 3 / 3; F is 0, 1 - 1/e and 1 - 1/e^2, with 0, 1/3 and 2/3 before
    tail = fit_tail([1.0, math.e, math.e**2])
    assert tail is not None
    assert tail.alpha == pytest.approx(2.0)
    assert (tail.start, tail.size) == (1.0, 3)
    assert tail.distance == pytest.approx(2 / 3 - 1 / math.e)


@settings(max_examples=12)
@given(st.integers(0, 10_000), st.floats(1e-3, 1e3))
def test_what_does_not_matter_and_what_scale_does(seed: int, scale: float) -> None:
    weights = {"a": heavy(seed, 55, 70), "b": heavy(seed + 1, 10, 8, 3, 3)}
    generator = np.random.default_rng(seed)
    value = pytest.approx(alpha_hat(weights), rel=1e-6, abs=1e-9)
    turn, other = (np.linalg.qr(generator.normal(size=(side, side)))[0] for side in (55, 70))
    assert alpha_hat({**weights, "a": turn @ weights["a"] @ other}) == value
    assert alpha_hat({"b": weights["b"], "x": weights["a"].T}) == value
    moved = weights["b"][generator.permutation(10)][:, generator.permutation(8)]
    assert alpha_hat({"a": weights["a"], "b": np.flip(moved, axis=2)}) == value
    assert (
        alpha_hat({n: np.pad(w, ((0, 3), *((0, 0),) * (w.ndim - 1))) for n, w in weights.items()})
        == value
    )  # channels of zeros have no eigenvalues
    alphas = [fit_tail(eigenvalues(weight)) for weight in weights.values()]
    mean = np.mean([tail.alpha for tail in alphas if tail])
    scaled = {name: scale * weight for name, weight in weights.items()}
    expected = alpha_hat(weights) - 2 * math.log10(scale) * mean
    assert alpha_hat(scaled) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_heavier_tails_at_one_largest_eigenvalue_score_higher() -> None:
    quantiles = (np.arange(200) + 0.5) / 200
    scores = []
    for alpha in (2.0, 3.0, 5.0):
        values = (1 - quantiles) ** (-1 / (alpha - 1))
        scores.append(alpha_hat({"w": planted(100 * values / values.max())}))
    assert scores == sorted(scores, reverse=True)


def test_nothing_to_fit() -> None:
    with pytest.raises(MetricError, match="none of its 2 layers has 50 eigenvalues"):
        alpha_hat({"small": heavy(0, 49, 300), "equal": np.eye(60)})
    with pytest.raises(MetricError, match="none of its 0 layers"):
        alpha_hat({})
    with pytest.raises(MetricError, match=r"bias has shape \(5,\)"):
        alpha_hat({"bias": np.zeros(5)})
    with pytest.raises(MetricError, match="w holds values"):
        alpha_hat({"w": np.full((60, 60), np.nan)})
    assert fit_tail([2.0, 2.0, 2.0]) is None
    found = compute("weights", ["alpha_hat", "log_me"], {})
    assert list(found.undefined) == ["alpha_hat"]


def test_weights_of_a_network() -> None:
    shared = nn.Linear(7, 7)
    model = nn.ModuleDict(
        {
            "conv": nn.Conv2d(3, 8, 5),
            "norm": nn.BatchNorm2d(8),
            "attention": nn.MultiheadAttention(12, 3),
            "first": shared,
            "again": shared,
            "volume": nn.Conv3d(2, 4, 3),
        }
    )
    found = weights_of(model)
    assert {name: weight.shape for name, weight in found.items()} == {
        "conv": (8, 3, 5, 5),
        "attention": (36, 12),
        "attention.out_proj": (12, 12),
        "first": (7, 7),
        "volume": (4, 2, 3, 3, 3),
    }
    assert np.array_equal(found["first"], shared.weight.detach().numpy())
    half = weights_of(nn.Linear(3, 2).to(torch.bfloat16))
    assert half[""].dtype == np.float32
