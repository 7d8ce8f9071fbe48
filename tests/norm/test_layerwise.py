import math

import pytest
import torch
from torch import nn

from acrank.norm import (
    SourceAffine,
    ac_corr_model,
    convert_batchnorm,
    find_dead_channels,
    layer_correlations,
    summarise,
)
from tests.norm.dense import dense_correlation


def source(weight: list[float], bias: list[float], var: list[float] | None = None) -> SourceAffine:
    variance = None if var is None else torch.tensor(var)
    return SourceAffine("bn", torch.tensor(weight), torch.tensor(bias), variance, 1e-5)


def test_sum_mean_and_zero_drift() -> None:
    affine = source([1.0, 2.0, 0.5], [0.3, -0.4, 0.9])
    target = torch.tensor([[1.1, 1.9, 0.4]]), torch.tensor([[0.2, -0.1, 1.0]])
    layer = layer_correlations(affine, *target)[0]
    matrix = dense_correlation(affine.weight, affine.bias, target[0][0], target[1][0])
    assert layer.kept_sum == pytest.approx(float(matrix.sum()), rel=1e-9)
    assert layer.kept_mean == pytest.approx(float(matrix.sum()) / 3, rel=1e-9)
    own = dense_correlation(affine.weight, affine.bias, affine.weight, affine.bias)
    assert layer.zero_drift == pytest.approx(float(own.diagonal().sum()), rel=1e-9)
    assert (layer.channels, layer.dead, layer.tied) == (3, 0, False)


def test_dead_by_scale_are_left_out_unless_kept() -> None:
    affine = source([1.0, 2.0, 1e-6, 0.0], [0.3, -0.4, 0.9, 0.5])
    target = affine.weight[None] + 0.1, affine.bias[None]
    without = layer_correlations(affine, *target)[0]
    two = source([1.0, 2.0], [0.3, -0.4])
    alone = layer_correlations(two, target[0][:, :2], target[1][:, :2])[0]
    assert without.kept_sum == alone.kept_sum
    assert without.dead == 2
    kept = layer_correlations(affine, *target, dead_channels="keep")[0]
    assert kept.dead == 2
    assert kept.kept_sum == pytest.approx(
        float(dense_correlation(affine.weight, affine.bias, target[0][0], target[1][0]).sum()),
        rel=1e-9,
    )
    # Each dead channel adds about 1 in the authors' form.
    assert kept.kept_sum > without.kept_sum + 1.5


@pytest.mark.parametrize(
    ("weight", "var", "dead"),
    [
        ([1.0, 1.0, 1.0], [1.0, 1.0, 1e-12], [False, False, True]),
        ([1.0, 1.0, 0.005], [1.0, 1.0, 1.0], [False, False, True]),
        ([1.0, 1.0, 0.02], [1.0, 1.0, 1.0], [False, False, False]),
        # More than half of the scales are zero: the median alone would call none dead.
        ([0.0, 0.0, 0.0, 1.0], [1.0] * 4, [True, True, True, False]),
        ([0.0, 0.0], [1.0, 1.0], [True, True]),
    ],
)
def test_what_is_dead(weight: list[float], var: list[float], dead: list[bool]) -> None:
    assert find_dead_channels(source(weight, [0.0] * len(weight), var)).tolist() == dead


def test_tied_layers_say_nothing_and_are_not_counted() -> None:
    untrained = source([1.0] * 8, [0.0] * 8)
    tied = layer_correlations(untrained, torch.rand(1, 8), torch.rand(1, 8))[0]
    assert tied.tied
    assert math.isnan(tied.kept_sum)
    trained = source([1.0, 2.0, 0.5], [0.3, -0.4, 0.9])
    layer = layer_correlations(trained, trained.weight[None], trained.bias[None])[0]
    assert summarise([tied, layer]).ac_corr == layer.kept_sum
    assert all(math.isnan(v) for v in vars(summarise([tied])).values())


def test_a_swamped_layer_keeps_its_values_and_is_not_counted() -> None:
    affine = source([1.0, 2.0, 0.5], [0.3, -0.4, 0.9])
    near = layer_correlations(affine, affine.weight[None], affine.bias[None] + 0.1)[0]
    assert near.telling
    far = layer_correlations(affine, affine.weight[None], affine.bias[None] + 50)[0]
    assert (far.swamped, far.tied, far.telling) == (True, False, False)
    moved = affine.weight, affine.bias + 50
    expected = dense_correlation(affine.weight, affine.bias, *moved).sum()
    assert far.kept_sum == pytest.approx(float(expected), rel=1e-9)
    assert summarise([near, far]).ac_corr == near.kept_sum
    assert math.isnan(summarise([far]).ac_corr)


@pytest.mark.parametrize("zero_init", [False, True])
def test_an_untrained_network_has_no_score(zero_init: bool) -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 3), nn.BatchNorm2d(4)
    )
    if zero_init:
        nn.init.zeros_(model[3].weight)  # type: ignore[arg-type]
    convert_batchnorm(model)
    model(torch.randn(4, 3, 8, 8)).square().mean().backward()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.sub_(0.1 * parameter.grad)
    layers = ac_corr_model(model)
    assert [layer.name for layer in layers] == ["1", "3"]
    assert all(layer.tied for layer in layers)


def test_needs_a_converted_network() -> None:
    with pytest.raises(ValueError, match="convert_batchnorm"):
        ac_corr_model(nn.Sequential(nn.BatchNorm2d(3)))
