import copy
from collections.abc import Callable

import pytest
import timm
import torch
from timm.layers.norm_act import BatchNormAct2d, convert_sync_batchnorm, freeze_batch_norm_2d
from torch import Tensor, nn

from acrank.norm import (
    AffineCoNorm,
    AffineCoNorm1d,
    AffineCoNorm2d,
    AffineCoNorm3d,
    AffineCoNormAct2d,
    convert_batchnorm,
    fold,
)


def randomise(model: nn.Module) -> nn.Module:
    """Give every BatchNorm an affine and statistics as a trained network has."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.affine:
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)  # type: ignore[arg-type]
    return model


@pytest.mark.parametrize(
    "name", ["resnet18", "efficientnet_b0", "mobilenetv3_small_050", "densenet121", "regnety_002"]
)
def test_folding_gives_back_the_architecture_and_the_output(name: str) -> None:
    model = randomise(timm.create_model(name, num_classes=3)).eval()
    plain_keys = list(model.state_dict())
    x = torch.randn(2, 3, 64, 64)
    conversion = convert_batchnorm(model)
    assert len(conversion.converted) == sum(isinstance(m, AffineCoNorm) for m in model.modules())
    assert conversion.skipped == {}
    for module in model.modules():
        if isinstance(module, AffineCoNorm):
            with torch.no_grad():
                module.weight_target.add_(0.1 * torch.randn_like(module.weight_target))
    expected = model(x)
    fold(model)
    assert not any(isinstance(m, AffineCoNorm) for m in model.modules())
    torch.testing.assert_close(model(x), expected)
    assert list(model.state_dict()) == plain_keys


def test_activation_and_drop_are_kept() -> None:
    bn = BatchNormAct2d(4, act_layer=nn.SiLU, drop_layer=nn.Dropout)
    model = nn.Sequential(randomise(bn)).eval()
    convert_batchnorm(model)
    layer = model[0]
    assert isinstance(layer, AffineCoNormAct2d)
    assert layer.act is bn.act
    assert layer.drop is bn.drop
    assert isinstance(fold(model)[0], BatchNormAct2d)


def test_a_shared_layer_stays_shared() -> None:
    bn = nn.BatchNorm2d(3)
    model = nn.Sequential(bn, nn.ReLU(), bn, nn.Sequential(bn))
    assert convert_batchnorm(model).converted == ("0",)
    assert model[0] is model[2] is model[3][0]  # type: ignore[index]
    fold(model)
    assert model[0] is model[2] is model[3][0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("layer", "converted", "shape"),
    [
        (lambda: nn.BatchNorm1d(3), AffineCoNorm1d, (4, 3)),
        (lambda: nn.BatchNorm2d(3), AffineCoNorm2d, (4, 3, 2, 2)),
        (lambda: nn.BatchNorm3d(3), AffineCoNorm3d, (4, 3, 2, 2, 2)),
        (lambda: nn.SyncBatchNorm(3), AffineCoNorm, (4, 3, 2, 2)),
        (
            lambda: convert_sync_batchnorm(BatchNormAct2d(3, act_layer=nn.SiLU)),  # type: ignore[no-untyped-call]
            AffineCoNormAct2d,
            (4, 3, 2, 2),
        ),
    ],
)
def test_every_kind_of_batchnorm(
    layer: Callable[[], nn.Module], converted: type, shape: tuple[int, ...]
) -> None:
    model = nn.Sequential(randomise(layer())).eval()
    convert_batchnorm(model)
    assert type(model[0]) is converted
    expected = model(torch.ones(shape))
    torch.testing.assert_close(fold(model)(torch.ones(shape)), expected)


class OwnForward(nn.BatchNorm2d):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input) * 2


def test_what_cannot_be_converted_is_named() -> None:
    frozen = freeze_batch_norm_2d(nn.Sequential(nn.BatchNorm2d(3)))  # type: ignore[no-untyped-call]
    model = nn.Sequential(
        nn.BatchNorm2d(3),
        nn.BatchNorm2d(3, affine=False),
        OwnForward(3),
        frozen[0],
        nn.LazyBatchNorm2d(),
    )
    conversion = convert_batchnorm(model)
    assert conversion.converted == ("0",)
    assert list(conversion.skipped) == ["1", "2", "3", "4"]
    assert "no affine" in conversion.skipped["1"]
    assert "OwnForward" in conversion.skipped["2"]
    assert "frozen" in conversion.skipped["3"]
    assert "lazy" in conversion.skipped["4"]
    assert "1 BatchNorm layers converted" in str(conversion)
    assert convert_batchnorm(model).converted == ()


def test_a_layer_alone_cannot_be_replaced() -> None:
    with pytest.raises(ValueError, match="from_batchnorm"):
        convert_batchnorm(nn.BatchNorm2d(3))
    with pytest.raises(ValueError, match="without affine"):
        AffineCoNorm2d.from_batchnorm(nn.BatchNorm2d(3, affine=False))


@pytest.mark.parametrize("prefix", ["backbone", "target_network", "online.target_encoder"])
def test_a_plain_checkpoint_fills_source_and_target(prefix: str) -> None:
    plain = nn.Sequential()
    inner: nn.Module = plain
    for part in prefix.split("."):
        child = nn.Sequential()
        inner.add_module(part, child)
        inner = child
    inner.add_module("bn", nn.BatchNorm2d(4))
    randomise(plain)
    model = copy.deepcopy(plain)
    randomise(model)
    convert_batchnorm(model)
    state = plain.state_dict()
    model.load_state_dict(state)
    assert set(state) == set(plain.state_dict())  # the caller's dictionary is left alone
    layer = model.get_submodule(f"{prefix}.bn")
    source = plain.get_submodule(f"{prefix}.bn")
    for name in ("weight", "bias"):
        assert torch.equal(getattr(layer, name), getattr(source, name))
        assert torch.equal(getattr(layer, f"{name}_target"), getattr(source, name))
    model.load_state_dict(model.state_dict())


def test_mode_and_device_are_kept() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3).double(), nn.BatchNorm2d(3).eval())
    convert_batchnorm(model)
    assert model[0].weight_target.dtype == torch.float64
    assert model[0].training
    assert not model[1].training
