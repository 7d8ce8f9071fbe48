"""The mixed affine without a matrix, against the matrix."""

import pytest
import torch
from torch import Tensor

from acrank.norm.mixing import Affine, Windows, _rows, _written_out, mixed_affine


def affines(channels: int, spread: float, drift: float) -> tuple[Affine, Affine]:
    """Source ratios over some range, and a target that drifted from them; float64."""
    generator = torch.Generator().manual_seed(channels)

    def draw() -> Tensor:
        return torch.randn(channels, generator=generator, dtype=torch.float64)

    weight, bias = 1 + 0.1 * draw(), spread * draw()
    return (weight, bias), (
        (weight + 0.01 * draw()).requires_grad_(),
        (bias + drift * draw()).requires_grad_(),
    )


@pytest.mark.parametrize("channels", [1, 2, 7, 64])
@pytest.mark.parametrize("spread", [0.0, 0.01, 1.0, 60.0])
@pytest.mark.parametrize("drift", [0.0, 1e-3, 0.3, 1e3])
@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_windows_are_the_matrix(
    channels: int, spread: float, drift: float, temperature: float
) -> None:
    source, target = affines(channels, spread, drift)
    assert Windows.of(_rows(*source), _rows(*target), temperature, 1e-5) is not None
    up = torch.randn(2, channels, dtype=torch.float64)
    found, expected = (
        mixed(source, target, temperature, 1e-5) for mixed in (mixed_affine, _written_out)
    )
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(
        torch.autograd.grad(found, target, list(up)),
        torch.autograd.grad(expected, target, list(up)),
    )


def test_tied_channels_are_all_kept() -> None:
    source, target = affines(6, 0.0, 0.2)  # every shift is zero
    weight, bias = mixed_affine(source, target, 1.0, 1e-5)
    torch.testing.assert_close(weight, target[0] + target[0].mean())
    torch.testing.assert_close(bias, target[1] + target[1].mean())


def test_ratios_too_far_apart_get_the_matrix() -> None:
    source, target = affines(20, 1.0, 0.1)
    source[0][3], source[1][3] = 1e-9, -0.1  # a dead channel: its ratio is -10 000
    assert Windows.of(_rows(*source), _rows(*target), 1.0, 1e-5) is None
    torch.testing.assert_close(
        mixed_affine(source, target, 1.0, 1e-5), _written_out(source, target, 1.0, 1e-5)
    )


def test_what_is_not_finite_stays_so() -> None:
    source, target = affines(5, 1.0, 0.1)
    with torch.no_grad():
        target[0][2] = torch.nan
    weight, _ = mixed_affine(source, target, 1.0, 1e-5)
    assert weight[2].isnan()


def test_derivatives_can_be_derived() -> None:
    source, target = affines(4, 1.0, 0.01)
    found, expected = (mixed(source, target, 1.0, 1e-5) for mixed in (mixed_affine, _written_out))

    def second(outputs: Affine) -> tuple[Tensor, ...]:
        loss = (outputs[0] ** 2 * outputs[1]).sum()
        gradients = torch.autograd.grad(loss, target, create_graph=True)
        return torch.autograd.grad(gradients[0].sum(), target)

    torch.testing.assert_close(second(found), second(expected))


def test_a_compiled_or_transformed_graph_gets_the_matrix() -> None:
    source, target = affines(6, 1.0, 0.1)

    def total(weight: Tensor, bias: Tensor) -> Tensor:
        return torch.stack(mixed_affine(source, (weight, bias), 1.0, 1e-5)).square().sum()

    expected = torch.autograd.grad(total(*target), target)
    compiled = torch.compile(total, backend="eager", fullgraph=True)
    torch.testing.assert_close(torch.autograd.grad(compiled(*target), target), expected)
    detached = [t.detach() for t in target]
    torch.testing.assert_close(torch.func.grad(total, argnums=(0, 1))(*detached), expected)
