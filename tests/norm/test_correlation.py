import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from acrank.norm import ac_corr, affine_ratio, correlation_matrix, zero_drift
from tests.norm.dense import dense_correlation

# Multiples of 1/64 subtract without rounding, so that ties and mirror images are exact.
grid = st.integers(-512, 512).map(lambda n: n / 64)


@st.composite
def affines(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Source and target affines of a layer: random, tied, dead, single-channel."""
    channels = draw(st.integers(1, 40))
    kind = draw(st.sampled_from(["grid", "normal", "dead", "tied", "constant"]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))

    def normal() -> Tensor:
        return torch.randn(channels, generator=generator, dtype=torch.float64)

    if kind == "grid":
        values = [
            torch.tensor(draw(st.lists(grid, min_size=channels, max_size=channels))).double()
            for _ in range(2)
        ]
        ones = torch.ones(channels, dtype=torch.float64) - 1e-5
        return ones, values[0], ones, values[1]
    weight, bias = normal(), normal()
    if kind == "dead":
        weight[::2] = 0.0
    if kind == "tied":
        weight[: channels // 2], bias[: channels // 2] = 1.0, 0.5
    if kind == "constant":
        weight, bias = torch.ones_like(weight), torch.zeros_like(bias)
    size = draw(st.sampled_from([0.0, 1e-6, 1e-2, 1.0, 50.0]))
    return weight, bias, weight + size * normal(), bias + size * normal()


@given(affines(), st.sampled_from([0.1, 1.0, 7.0]))
def test_equals_the_dense_definition(
    affine: tuple[Tensor, Tensor, Tensor, Tensor], temperature: float
) -> None:
    expected = dense_correlation(*affine, temperature).sum(1)
    torch.testing.assert_close(ac_corr(*affine, temperature), expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 7.0])
def test_a_mirror_image_as_far_as_the_own_is_kept(temperature: float) -> None:
    """Dividing two equal distances by the temperature must not part them."""
    ones = torch.ones(3, dtype=torch.float64) - 1e-5
    source = torch.tensor([0.0, 1.984375, 7.890625], dtype=torch.float64)
    target = torch.tensor([0.0, 0.0, 4.9375], dtype=torch.float64)
    expected = dense_correlation(ones, source, ones, target, temperature).sum(1)
    kept = ac_corr(ones, source, ones, target, temperature)
    torch.testing.assert_close(kept, expected, rtol=1e-9, atol=0)


@given(affines())
def test_zero_drift_is_the_diagonal_of_p(affine: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    weight, bias = affine[:2]
    ratio = affine_ratio(weight, bias)
    probability = torch.softmax(-(ratio[:, None] - ratio[None]).abs(), 1)
    torch.testing.assert_close(
        zero_drift(weight, bias), probability.diagonal(), rtol=1e-9, atol=1e-300
    )


@given(affines())
def test_order_of_channels_does_not_matter(
    affine: tuple[Tensor, Tensor, Tensor, Tensor],
) -> None:
    order = torch.randperm(len(affine[0]))
    a, b, c, d = (values[order] for values in affine)
    permuted = ac_corr(a, b, c, d)
    torch.testing.assert_close(permuted, ac_corr(*affine)[order], rtol=1e-9, atol=0)


@given(affines())
def test_scale_and_sign_of_the_weight_do_not_matter(
    affine: tuple[Tensor, Tensor, Tensor, Tensor],
) -> None:
    flipped = (-affine[0], affine[1], -affine[2], affine[3])
    assert torch.equal(ac_corr(*flipped), ac_corr(*affine))
    kept = ac_corr(*affine)
    assert ((kept > 0) & (kept <= 1)).all()


def test_trials_share_one_source() -> None:
    weight, bias = torch.randn(30), torch.randn(30)
    targets = torch.randn(4, 30), torch.randn(4, 30)
    together = ac_corr(weight, bias, *targets)
    assert together.shape == (4, 30)
    for i in range(4):
        assert torch.equal(together[i], ac_corr(weight, bias, targets[0][i], targets[1][i]))


def test_far_channels_do_not_underflow() -> None:
    one = torch.ones(3, dtype=torch.float64) - 1e-5
    source = torch.tensor([0.0, 1.0, 2.0]).double()
    kept = ac_corr(one, source, one, source + 1e5)
    # exp(-1e5) is zero, yet the farthest target keeps the channels that are no farther.
    tail = torch.exp(torch.tensor([-2.0, -1.0, 0.0]).double())
    expected = torch.stack([tail.sum(), tail[1:].sum(), tail[2]]) / tail.sum()
    torch.testing.assert_close(kept, expected, rtol=1e-9, atol=0)


def test_dead_channels_each_keep_almost_everything() -> None:
    weight = torch.tensor([1.0, 1.0, 0.0, 0.0])
    bias = torch.tensor([0.1, 0.2, 1.0, -1.0])
    assert ac_corr(weight, bias, weight, bias)[2:].tolist() == [1.0, 1.0]


def test_an_untrained_layer_keeps_everything() -> None:
    weight, bias = torch.ones(16), torch.zeros(16)
    assert ac_corr(weight, bias, weight, bias + torch.randn(16)).eq(1.0).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_stays_finite(dtype: torch.dtype) -> None:
    weight, bias = torch.randn(20).to(dtype), torch.randn(20).to(dtype)
    weight[3] = 0.0
    kept = ac_corr(weight, bias, weight, bias)
    assert kept.dtype == torch.float64
    assert torch.isfinite(kept).all()


@pytest.mark.parametrize(
    ("weight", "temperature", "message"),
    [
        (float("nan"), 1.0, "not finite"),
        (float("inf"), 1.0, "not finite"),
        (1.0, 0.0, "above zero"),
    ],
)
def test_refuses_what_has_no_value(weight: float, temperature: float, message: str) -> None:
    values = torch.tensor([weight, 1.0]), torch.tensor([float("nan") if weight > 1 else 0.0, 1.0])
    with pytest.raises(ValueError, match=message):
        ac_corr(*values, *values, temperature)


def test_matrix_is_the_dense_definition() -> None:
    a, b, c, d = torch.randn(4, 25, dtype=torch.float64)
    matrix = correlation_matrix(affine_ratio(a, b), affine_ratio(c, d))
    torch.testing.assert_close(matrix, dense_correlation(a, b, c, d), rtol=1e-12, atol=0)
