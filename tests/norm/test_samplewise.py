"""AC-Norm in place of LayerNorm, GroupNorm and InstanceNorm, and back."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from timm.layers import norm as timm_norm
from timm.layers import norm_act as timm_norm_act
from timm.models.metaformer import LayerNormNoBias
from torch import Tensor, nn

from acrank.norm import (
    AffineCoLayer,
    AffineCoSampleNorm,
    ac_corr_model,
    convert_affine,
    convert_batchnorm,
    fold,
    norm_kind,
)
from tests.norm.dense import dense_correlation

Make = Callable[[], nn.Module]
IMAGE, TOKENS = (2, 6, 4, 4), (2, 5, 6)
LAYERS: list[tuple[Make, tuple[int, ...], str]] = [
    (lambda: nn.LayerNorm(6), TOKENS, "layer"),
    (lambda: timm_norm.LayerNorm(6), TOKENS, "layer"),
    (lambda: timm_norm.LayerNormFp32(6), TOKENS, "layer"),
    (lambda: timm_norm.LayerNorm2d(6), IMAGE, "layer"),
    (lambda: timm_norm.LayerNorm2dFp32(6), IMAGE, "layer"),
    (lambda: timm_norm.LayerNormExp2d(6), IMAGE, "layer"),
    (lambda: timm_norm_act.LayerNormAct(6, act_layer=nn.SiLU), TOKENS, "layer"),
    (lambda: timm_norm_act.LayerNormActFp32(6), TOKENS, "layer"),
    (lambda: timm_norm_act.LayerNormAct2d(6), IMAGE, "layer"),
    (lambda: timm_norm_act.LayerNormAct2dFp32(6), IMAGE, "layer"),
    (lambda: nn.GroupNorm(3, 6), IMAGE, "group"),
    (lambda: timm_norm.GroupNorm(6, 3), IMAGE, "group"),
    (lambda: timm_norm.GroupNorm1(6), IMAGE, "group"),
    (lambda: timm_norm_act.GroupNormAct(6, 3, act_layer=nn.PReLU), IMAGE, "group"),
    (lambda: timm_norm_act.GroupNorm1Act(6), IMAGE, "group"),
    (lambda: nn.InstanceNorm1d(6, affine=True), (2, 6, 5), "instance"),
    (lambda: nn.InstanceNorm2d(6, affine=True), IMAGE, "instance"),
    (lambda: nn.InstanceNorm3d(6, affine=True), (2, 6, 3, 3, 3), "instance"),
    (lambda: nn.InstanceNorm2d(6, affine=True, track_running_stats=True), IMAGE, "instance"),
]


@torch.no_grad()
def with_affines(model: nn.Module) -> nn.Module:
    """Give every norm layer an affine as a trained network has."""
    for module in model.modules():
        if norm_kind(module) and module.weight is not None:
            nn.init.uniform_(module.weight, 0.5, 1.5)  # type: ignore[arg-type]
            nn.init.normal_(module.bias, 0, 0.5)  # type: ignore[arg-type]
    return model


@torch.no_grad()
def train_targets(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, AffineCoLayer):
            module.weight_target.add_(0.3 * torch.randn_like(module.weight_target))
            module.bias_target.add_(0.3 * torch.randn_like(module.bias_target))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("make", "shape", "kind"), LAYERS)
def test_the_output_is_that_of_the_mixed_affine(
    make: Make, shape: tuple[int, ...], kind: str, training: bool
) -> None:
    model = nn.Sequential(with_affines(make())).train(training)
    plain, keys = copy.deepcopy(model[0]), list(model.state_dict())
    assert list(convert_affine(model).counts.items()) == [(kind, 1)]
    train_targets(model)
    layer = model[0]
    assert isinstance(layer, AffineCoSampleNorm)
    affines = (layer.weight, layer.bias, layer.weight_target, layer.bias_target)
    mixing = torch.eye(6) + dense_correlation(*affines).float()
    with torch.no_grad():
        plain.weight.copy_(mixing @ layer.weight_target)  # type: ignore[operator]
        plain.bias.copy_(mixing @ layer.bias_target)  # type: ignore[operator]
    inputs = torch.randn(shape)
    expected = plain(inputs)
    torch.testing.assert_close(model(inputs), expected)
    if training and "running_mean" in layer.state_dict():  # moved once, as by the plain layer
        torch.testing.assert_close(layer.running_mean, plain.running_mean)
    before = model.eval()(inputs)
    fold(model)
    assert type(model[0]) is type(plain)
    torch.testing.assert_close(model(inputs), before, rtol=0, atol=0)
    assert list(model.state_dict()) == keys


def small(name: str) -> nn.Module:
    settings: dict[str, dict[str, Any]] = {
        "convnext_atto": {"depths": (1, 1, 1, 1), "dims": (4, 4, 8, 8)},
        "vit_tiny_patch16_224": {"img_size": 32, "depth": 1, "embed_dim": 12},
        "resnet50_gn": {"layers": [1, 1, 1, 1], "channels": [32] * 4},
    }
    model: nn.Module = timm.create_model(name, num_classes=3, **settings[name])
    return model


@pytest.mark.parametrize("name", ["convnext_atto", "vit_tiny_patch16_224", "resnet50_gn"])
def test_folding_gives_back_the_architecture_and_the_output(name: str) -> None:
    model = with_affines(small(name)).eval()
    plain, images = copy.deepcopy(model), torch.randn(2, 3, 32, 32)
    converted = convert_affine(model)
    assert len(converted.converted) == sum(norm_kind(m) is not None for m in plain.modules())
    assert not converted.skipped
    model.load_state_dict(plain.state_dict())  # a plain checkpoint fills source and target
    assert len(ac_corr_model(model)) == len(converted.converted)
    train_targets(model)
    expected = model(images)
    assert not torch.allclose(expected, plain(images))
    fold(model)
    assert torch.equal(model(images), expected)
    assert list(model.state_dict()) == list(plain.state_dict())


def test_only_the_target_affine_is_trained_and_a_copy_is_of_its_own() -> None:
    norm = with_affines(timm_norm_act.GroupNormAct(6, 3, drop_layer=nn.Dropout))
    layer = AffineCoSampleNorm(norm)
    other = copy.deepcopy(layer)
    layer(torch.randn(IMAGE)).sum().backward()
    trained = {name for name, p in layer.named_parameters() if p.grad is not None}
    assert trained == {"weight_target", "bias_target"}
    train_targets(other)
    assert not torch.equal(other.weight_target, layer.weight_target)
    other.eval()
    assert [each.get_submodule("drop").training for each in (layer, other)] == [True, False]


def test_a_shared_layer_stays_shared() -> None:
    norm = nn.LayerNorm(3)
    model = nn.Sequential(norm, nn.ReLU(), nn.Sequential(norm))
    assert convert_affine(model).converted == ("0",)
    assert model[0] is model[2][0]  # type: ignore[index]
    fold(model)
    assert model[0] is model[2][0]  # type: ignore[index]


class OwnForward(nn.LayerNorm):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input) * 2


def test_what_cannot_be_converted_is_named() -> None:
    model = nn.Sequential(
        nn.LayerNorm((3, 3)),
        nn.LayerNorm(3, elementwise_affine=False),
        nn.LayerNorm(3, bias=False),
        LayerNormNoBias(3),
        nn.RMSNorm(3),
        timm_norm.RmsNorm(3),
        OwnForward(3),
        nn.LazyInstanceNorm2d(affine=True),
        nn.TransformerEncoderLayer(4, 1, 4, batch_first=True),
        nn.InstanceNorm2d(3),
    )
    conversion = convert_affine(model)
    assert conversion.converted == ()
    words = ["over 2 dim", "no affine", "no shift", "no shift", "RMSNorm has no shift", "no shift"]
    words += ["OwnForward", "lazy", "past it", "past it", "no affine"]
    assert len(conversion.skipped) == len(words)
    for reason, word in zip(conversion.skipped.values(), words, strict=True):
        assert word in reason
    with pytest.raises(ValueError, match="no shift"):
        AffineCoSampleNorm(nn.RMSNorm(3))
    with pytest.raises(ValueError, match="is a layer, not a network"):
        convert_affine(nn.GroupNorm(1, 3))


def test_batchnorm_conversion_leaves_the_others_alone() -> None:
    model = nn.Sequential(nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.RMSNorm(4))
    assert convert_batchnorm(model).converted == ("0",)
    assert type(model[1]) is nn.GroupNorm
    both = convert_affine(model)
    assert both.converted == ("1",)
    assert "1 GroupNorm layers converted" in str(both)
