import copy

import pytest
import torch
from torch import nn

from acrank.norm import (
    AffineCoNorm,
    AffineCoNorm1d,
    AffineCoNorm2d,
    AffineCoNorm3d,
    affine_ratio,
    correlation_matrix,
)
from tests.norm.dense import TwoCallReference


def trained_batchnorm(channels: int = 7, eps: float = 1e-5) -> nn.BatchNorm2d:
    bn = nn.BatchNorm2d(channels, eps=eps)
    with torch.no_grad():
        bn.weight.normal_()
        bn.bias.normal_()
        bn.running_mean.normal_()  # type: ignore[union-attr]
        bn.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
    return bn


@pytest.mark.parametrize("eps", [1e-5, 1e-3])
def test_authors_form_is_the_released_layer(eps: float) -> None:
    bn = trained_batchnorm(eps=eps)
    reference = TwoCallReference(bn, 0.7)
    layer = AffineCoNorm2d.from_batchnorm(copy.deepcopy(bn), 0.7, authors=True)
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.5) for m in (reference, layer)]
    for _ in range(3):
        x = torch.randn(5, 7, 4, 4)
        outputs = [module(x) for module in (reference, layer)]
        torch.testing.assert_close(*outputs)
        for output, optimizer in zip(outputs, optimizers, strict=True):
            optimizer.zero_grad()
            (output**2).mean().backward()
            optimizer.step()
        torch.testing.assert_close(reference.weight_target, layer.weight_target)
        torch.testing.assert_close(reference.running_mean, layer.running_mean)
        torch.testing.assert_close(reference.running_var, layer.running_var)
    assert layer.num_batches_tracked == 0
    reference.eval()
    layer.eval()
    torch.testing.assert_close(reference(x), layer(x))


def test_statistics_move_once_by_default() -> None:
    bn = trained_batchnorm()
    layer = AffineCoNorm2d.from_batchnorm(copy.deepcopy(bn))
    x = torch.randn(5, 7, 4, 4)
    bn(x)
    layer(x)
    torch.testing.assert_close(layer.running_mean, bn.running_mean)
    torch.testing.assert_close(layer.running_var, bn.running_var)
    assert layer.num_batches_tracked == bn.num_batches_tracked == 1


def test_cumulative_average_as_batchnorm() -> None:
    bn = nn.BatchNorm2d(4, momentum=None)
    layer = AffineCoNorm2d(4, momentum=None)
    for _ in range(3):
        x = torch.randn(5, 4, 2, 2)
        bn(x)
        layer(x)
    torch.testing.assert_close(layer.running_var, bn.running_var)
    with pytest.raises(ValueError, match="cumulative"):
        AffineCoNorm2d(4, momentum=None, authors=True)


def test_only_the_target_affine_is_trained_and_c_is_a_constant() -> None:
    layer = AffineCoNorm2d.from_batchnorm(trained_batchnorm())
    with torch.no_grad():
        layer.weight_target.add_(torch.randn(7))
    output = layer(torch.randn(5, 7, 4, 4))
    (output * torch.randn_like(output)).sum().backward()
    assert layer.weight.grad is None
    assert layer.bias.grad is None
    mixing = correlation_matrix(
        affine_ratio(layer.weight, layer.bias),
        affine_ratio(layer.weight_target, layer.bias_target),
    )
    layer.zero_grad()
    weight, _ = layer.effective_affine()
    up = torch.randn(7)
    (weight * up).sum().backward()  # type: ignore[no-untyped-call]
    expected = up + mixing.detach().T @ up
    torch.testing.assert_close(layer.weight_target.grad, expected)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (AffineCoNorm1d(3), (4, 3)),
        (AffineCoNorm1d(3), (4, 3, 5)),
        (AffineCoNorm2d(3), (4, 3, 5, 5)),
        (AffineCoNorm3d(3), (4, 3, 2, 2, 2)),
        (AffineCoNorm(3), (4, 3, 2, 2, 2)),
    ],
)
def test_shapes_in_and_out(layer: AffineCoNorm, shape: tuple[int, ...]) -> None:
    assert layer(torch.randn(shape)).shape == shape
    with pytest.raises(ValueError, match="expected"):
        layer(torch.randn(3))


def test_without_running_statistics() -> None:
    layer = AffineCoNorm2d(3, track_running_stats=False).eval()
    x = 5 + 3 * torch.randn(8, 3, 6, 6)
    assert layer(x).mean().abs() < 1e-5


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_with_a_zero_scale_stays_finite(dtype: torch.dtype) -> None:
    layer = AffineCoNorm2d(6, dtype=dtype)
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.fill_(2.0)
        layer.weight_target[:3] = 0.0
    output = layer(torch.randn(4, 6, 3, 3, dtype=dtype))
    output.float().sum().backward()
    assert torch.isfinite(output).all()
    assert torch.isfinite(layer.weight_target.grad).all()  # type: ignore[arg-type]


def test_autocast_leaves_the_mixing_alone() -> None:
    layer = AffineCoNorm2d.from_batchnorm(trained_batchnorm())
    expected = layer.effective_affine()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = layer.effective_affine()
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_state_has_the_authors_names_and_round_trips() -> None:
    layer = AffineCoNorm2d.from_batchnorm(trained_batchnorm())
    assert set(layer.state_dict()) == {
        *("weight", "bias", "weight_target", "bias_target"),
        *("running_mean", "running_var", "num_batches_tracked"),
    }
    with torch.no_grad():
        layer.weight_target.mul_(2)
    again = AffineCoNorm2d(7)
    again.load_state_dict(layer.state_dict())
    assert torch.equal(again.weight_target, layer.weight_target)
    assert torch.equal(again.weight, layer.weight)


def test_not_the_identity_at_the_start() -> None:
    bn = trained_batchnorm().eval()
    layer = AffineCoNorm2d.from_batchnorm(bn)
    weight, _ = layer.effective_affine()
    ratio = affine_ratio(bn.weight, bn.bias)
    mixing = correlation_matrix(ratio, ratio)
    torch.testing.assert_close(weight, bn.weight * (1 + mixing.diagonal()))
