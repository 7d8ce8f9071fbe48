"""Layers whose gradient is slow in bf16 run in fp32."""

import pytest
import torch
from torch import Tensor, nn

from acrank.scoring.precision import slow_gradients_in_fp32

DEPTHWISE = nn.Conv2d(4, 4, 3, stride=2, groups=4)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (DEPTHWISE, True),
        (nn.Conv2d(4, 8, 3, stride=2, groups=4), True),
        (nn.Conv3d(4, 4, 3, stride=(1, 2, 2), groups=4), True),
        (nn.Conv2d(4, 4, 3, groups=4), False),
        (nn.Conv2d(4, 4, 3, stride=2, groups=2), False),
        (nn.Conv2d(1, 4, 3, stride=2), False),
        (nn.ConvTranspose2d(4, 4, 3, stride=2, groups=4), False),
        (nn.Linear(4, 4), False),
    ],
)
def test_strided_depthwise_convolutions_alone_are_changed(layer: nn.Module, expected: bool) -> None:
    model = nn.Sequential(layer)
    with slow_gradients_in_fp32(model, torch.bfloat16):
        assert ("forward" in layer.__dict__) == expected
    assert "forward" not in layer.__dict__
    with slow_gradients_in_fp32(model, None):
        assert "forward" not in layer.__dict__


def run(given: Tensor) -> tuple[Tensor, Tensor]:
    given = given.clone().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = DEPTHWISE(given)
    (gradient,) = torch.autograd.grad(output.float().square().sum(), given)
    return output.detach(), gradient


def test_outputs_and_gradients_are_the_same_within_rounding() -> None:
    torch.manual_seed(0)
    given = torch.randn(2, 4, 16, 16)
    plain = run(given)
    with slow_gradients_in_fp32(nn.Sequential(DEPTHWISE), torch.bfloat16):
        found = run(given)
        full = DEPTHWISE(given)  # outside of autocast
    assert found[0].dtype == torch.bfloat16
    assert full.dtype == torch.float32
    for one, other in zip(found, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0.05 * float(other.abs().max()))


def test_an_error_within_leaves_the_layers_as_they_were() -> None:
    with pytest.raises(KeyError), slow_gradients_in_fp32(DEPTHWISE, torch.bfloat16):
        raise KeyError
    assert "forward" not in DEPTHWISE.__dict__
