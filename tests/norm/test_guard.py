"""What other libraries do to networks that hold AC-Norm layers."""

import copy
import io
from collections.abc import Callable

import pytest
import timm
import torch
from timm.layers.norm_act import convert_sync_batchnorm, freeze_batch_norm_2d
from torch import Tensor, nn

from acrank.norm import (
    AffineCoLayer,
    AffineCoNorm2d,
    AffineCoSampleNorm,
    ac_corr_model,
    convert_affine,
    convert_batchnorm,
    fold,
)
from tests.norm.test_convert import randomise


def network() -> nn.Sequential:
    """A small plain network whose BatchNorm layers look trained."""
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1))
    model = nn.Sequential(*layers, nn.Sequential(nn.BatchNorm2d(4)))
    randomise(model)
    return model


def images() -> Tensor:
    return torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def train_a_step(model: nn.Module) -> None:
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model.train()
    model(images()).square().sum().backward()
    optimizer.step()


CONVERSIONS: list[Callable[[nn.Module], object]] = [
    nn.SyncBatchNorm.convert_sync_batchnorm,
    convert_sync_batchnorm,
    freeze_batch_norm_2d,
]


@pytest.mark.parametrize("convert", CONVERSIONS)
def test_ac_norm_is_never_lost_to_a_conversion(convert: Callable[[nn.Module], object]) -> None:
    model = network()
    convert_batchnorm(model)
    expected = model.eval()(images())
    with pytest.raises(ValueError, match=r"'1' would become a \w+ of its source affine alone"):
        convert(model)
    assert sum(isinstance(m, AffineCoNorm2d) for m in model.modules()) == 2
    torch.testing.assert_close(model(images()), expected)
    fold(model)
    convert(model)  # plain layers are anyone's to convert


def test_synchronised_layers_convert_afterwards() -> None:
    model = nn.SyncBatchNorm.convert_sync_batchnorm(network())  # type: ignore[no-untyped-call]
    done = convert_batchnorm(model)
    assert done.converted == done.unsynchronised == ("1", "4.0")
    assert "2 of SyncBatchNorm normalise by the batch of their own process" in str(done)
    assert convert_batchnorm(network()).unsynchronised == ()
    assert fold(model)[1].weight.requires_grad


def test_other_layers_may_take_its_place() -> None:
    model = network()
    convert_batchnorm(model)
    model[1] = nn.Identity()
    model[4] = nn.Sequential(AffineCoNorm2d(4))
    assert isinstance(model[4][0], AffineCoNorm2d)  # type: ignore[index]


def test_a_network_without_ac_norm_is_told_what_may_have_happened() -> None:
    for use in (fold, ac_corr_model):
        with pytest.raises(ValueError, match=r"no AC-Norm layer .* SyncBatchNorm first"):
            use(network())


def test_the_usual_freezing_holds_the_statistics() -> None:
    model = network()
    convert_batchnorm(model)
    model.train()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eval()
    before = copy.deepcopy(dict(model.named_buffers()))
    model(images())
    assert all(torch.equal(value, before[name]) for name, value in model.named_buffers())


@pytest.mark.parametrize(
    ("plain", "shape"),
    [(nn.BatchNorm1d, (4, 3)), (nn.BatchNorm2d, (4, 3, 2, 2)), (nn.BatchNorm3d, (4, 3, 2, 2, 2))],
)
def test_a_converted_layer_is_of_the_plain_one_s_class(
    plain: type[nn.Module], shape: tuple[int, ...]
) -> None:
    model = nn.Sequential(plain(3))
    convert_batchnorm(model)
    assert isinstance(model[0], plain)
    with pytest.raises(ValueError, match="expected"):
        model(torch.ones(4, 3, 2, 2, 2, 2))
    assert model(torch.rand(shape)).shape == shape


def _from_plain(plain: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in plain.state_dict().items()}


def _from_parameters(plain: nn.Module) -> dict[str, Tensor]:
    return {**dict(plain.named_parameters()), **dict(plain.named_buffers())}


def _aliased(plain: nn.Module) -> dict[str, Tensor]:
    """As a network was saved whose source and target were one."""
    state = _from_plain(plain)
    for name in ("1.weight", "1.bias", "4.0.weight", "4.0.bias"):
        state[f"{name}_target"] = state[name]
    return state


@pytest.mark.parametrize("state_of", [_from_plain, _from_parameters, _aliased])
@pytest.mark.parametrize("assign", [True, False])
def test_the_source_stays_whatever_way_a_checkpoint_comes(
    state_of: Callable[[nn.Module], dict[str, Tensor]], assign: bool
) -> None:
    model = network()
    convert_batchnorm(model)
    model.load_state_dict(state_of(network()), assign=assign)
    _train_and_compare(model, network())


def _copied(model: nn.Module) -> nn.Module:
    return copy.deepcopy(model)


def _saved(model: nn.Module) -> nn.Module:
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    loaded: nn.Module = torch.load(file, weights_only=False)
    return loaded


def _moved(model: nn.Module) -> nn.Module:
    return model.to(torch.float64).to("cpu", torch.float32)


def _round_trip(model: nn.Module) -> nn.Module:
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = network()
    convert_batchnorm(other)
    other.load_state_dict(torch.load(file), assign=True)
    return other


def _from_meta(model: nn.Module) -> nn.Module:
    with torch.device("meta"):
        other = network()
    convert_batchnorm(other)
    other.load_state_dict(_from_plain(network()), assign=True)
    return other


@pytest.mark.parametrize("passed_on", [_copied, _saved, _moved, _round_trip, _from_meta])
def test_the_source_stays_whatever_a_network_goes_through(
    passed_on: Callable[[nn.Module], nn.Module],
) -> None:
    model = network()
    convert_batchnorm(model)
    _train_and_compare(passed_on(model), network())


@pytest.mark.parametrize("assign", [True, False])
def test_the_source_of_other_norms_stays_too(assign: bool) -> None:
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4))
    model = copy.deepcopy(plain)
    convert_affine(model)
    model.load_state_dict(_from_plain(plain), assign=assign)
    _train_and_compare(model, plain)
    assert isinstance(model[1], AffineCoSampleNorm)


def _train_and_compare(model: nn.Module, plain: nn.Module) -> None:
    train_a_step(model)
    layers = {n: m for n, m in model.named_modules() if isinstance(m, AffineCoLayer)}
    assert layers
    for name, layer in layers.items():
        source = plain.get_submodule(name)
        for what in ("weight", "bias"):
            assert torch.equal(getattr(layer, what), getattr(source, what)), (name, what)
            assert not torch.equal(getattr(layer, f"{what}_target"), getattr(source, what))


def test_shared_parameters_stay_shared() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
    randomise(model)
    model[2].weight = model[0].weight
    convert_batchnorm(model)
    assert model[0].weight is model[2].weight
    assert model[0].weight_target is model[2].weight_target
    assert model[0].bias_target is not model[2].bias_target
    train_a_step(model)
    expected = model.eval()(images())
    assert torch.equal(fold(model)(images()), expected)


def test_a_timm_network_is_guarded_too() -> None:
    model = timm.create_model("test_resnet", num_classes=2)
    convert_batchnorm(model)
    with pytest.raises(ValueError, match="convert_batchnorm after that"):
        nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
