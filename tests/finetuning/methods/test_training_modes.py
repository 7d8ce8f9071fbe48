"""What methods train and replace, and that what they leave is a plain network."""

from typing import cast

import pytest
import torch
from torch import nn

from acrank.errors import ConfigError, NoNormError
from acrank.finetuning.methods import make_method
from acrank.finetuning.methods.stochnorm import stochastic_normalisation
from acrank.finetuning.network import Network
from acrank.norm import AffineCoNorm
from tests.finetuning.small import (
    backbone_of,
    make_batch,
    make_network,
    make_start,
    mean_of,
    variance_of,
)

BN = ("bn1.weight", "bn1.bias", "bn2.weight", "bn2.bias")


def trained(network: Network) -> set[str]:
    return {name for name, p in network.backbone.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_bn_only_trains_affines_and_keeps_statistics_by_its_mode(mode: str) -> None:
    network = make_network()
    method = make_method("bn-only", {"bn_mode": mode})
    method.prepare(make_start(network))
    assert trained(network) == set(BN)
    method.train_mode(network)
    before = mean_of(backbone_of(network).bn1).clone()
    network(make_batch()[0])
    assert torch.equal(before, mean_of(backbone_of(network).bn1)) == (mode == "eval")


def test_head_trains_nothing_of_the_backbone_and_moves_nothing() -> None:
    network = make_network()
    method = make_method("head", {})
    method.prepare(make_start(network))
    assert not trained(network)
    method.train_mode(network)
    before = {k: v.clone() for k, v in network.backbone.state_dict().items()}
    network(make_batch()[0]).sum().backward()
    assert all(torch.equal(v, before[k]) for k, v in network.backbone.state_dict().items())
    assert network.head.weight.grad is not None


def test_ac_norm_replaces_and_folds() -> None:
    network = make_network()
    method = make_method("ac-norm", {"temperature": 2.0})
    method.prepare(make_start(network))
    layers = [m for m in network.modules() if isinstance(m, AffineCoNorm)]
    assert [layer.temperature for layer in layers] == [2.0, 2.0]
    images = make_batch()[0]
    network.eval()
    expected = network(images).detach()
    method.finish(network, fold=False)
    assert any(isinstance(m, AffineCoNorm) for m in network.modules())
    method.finish(network, fold=True)
    assert not any(isinstance(m, AffineCoNorm) for m in network.modules())
    assert torch.allclose(network(images), expected, atol=1e-5)
    assert network.state_dict().keys() == make_network().state_dict().keys()


class GroupNormed(nn.Module):
    """A convolution with GroupNorm and no BatchNorm; features (N, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)
        self.norm = nn.GroupNorm(2, 6)
        nn.init.normal_(self.norm.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.norm(self.conv(images))).mean(dim=(2, 3))


def test_affine_norms_replaces_other_norms_and_folds() -> None:
    network = Network(GroupNormed(), nn.Linear(6, 3))
    keys = network.state_dict().keys()
    method = make_method("ac-norm", {"norms": "affine"})
    method.prepare(make_start(network))
    assert trained(network) == {
        *("conv.weight", "conv.bias", "norm.weight_target", "norm.bias_target"),
    }
    method.train_mode(network)
    images = make_batch()[0]
    network(images).square().sum().backward()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.grad is not None:
                parameter.sub_(0.1 * parameter.grad)
    expected = network.eval()(images).detach()
    method.finish(network, fold=True)
    assert torch.equal(network(images), expected)
    assert network.state_dict().keys() == keys


def test_affine_norms_trains_other_affines_alone() -> None:
    network = Network(GroupNormed(), nn.Linear(6, 3))
    make_method("bn-only", {"norms": "affine"}).prepare(make_start(network))
    assert trained(network) == {"norm.weight", "norm.bias"}


@pytest.mark.parametrize("name", ["ac-norm", "bn-only"])
def test_norms_are_batch_or_affine_and_batch_refuses_others(name: str) -> None:
    with pytest.raises(ConfigError, match="batch or affine"):
        make_method(name, {"norms": "mixed"})
    with pytest.raises(NoNormError, match="--norms affine"):
        make_method(name, {}).prepare(make_start(Network(GroupNormed(), nn.Linear(6, 3))))
    bare = Network(nn.Flatten(), nn.Linear(6, 3))
    with pytest.raises(NoNormError, match="a scale and a shift"):
        make_method(name, {"norms": "affine"}).prepare(make_start(bare))


@pytest.mark.parametrize("name", ["ac-norm", "bn-only", "stochnorm"])
def test_without_batchnorm_there_is_nothing_to_do(name: str) -> None:
    network = Network(
        nn.Sequential(nn.Conv2d(3, 6, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Linear(6, 3)
    )
    with pytest.raises(NoNormError):
        make_method(name, {}).prepare(make_start(network))


def test_stochnorm_without_running_statistics_is_batchnorm() -> None:
    images = make_batch()[0]
    plain, drawn = make_network().train(), make_network().train()
    make_method("stochnorm", {"p": 0.0}).prepare(make_start(drawn))
    assert torch.allclose(plain(images), drawn(images), atol=1e-5)
    assert torch.allclose(variance_of(backbone_of(plain).bn2), variance_of(backbone_of(drawn).bn2))
    assert int(cast(torch.Tensor, backbone_of(drawn).bn1.num_batches_tracked)) == 1


def test_stochnorm_with_running_statistics_alone_is_inference() -> None:
    images = make_batch()[0]
    plain, drawn = make_network().eval(), make_network().train()
    make_method("stochnorm", {"p": 1.0}).prepare(make_start(drawn))
    assert torch.allclose(plain(images), drawn(images), atol=1e-5)


def test_stochnorm_draws_whole_channels_at_its_rate() -> None:
    layer = nn.BatchNorm2d(400)
    mean_of(layer).fill_(3.0)
    torch.manual_seed(0)
    inputs = torch.randn(8, 400, 2, 2)
    mean = inputs.mean(dim=(0, 2, 3))
    variance = inputs.var(dim=(0, 2, 3), unbiased=False)
    batch = (inputs - mean.view(1, -1, 1, 1)) / (variance.view(1, -1, 1, 1) + layer.eps).sqrt()
    moving = (inputs - 3.0) / (1.0 + layer.eps) ** 0.5
    outputs = stochastic_normalisation(layer, inputs, 0.2).detach()
    is_batch = torch.isclose(outputs, batch, atol=1e-4).flatten(2).all(dim=2).all(dim=0)
    is_moving = torch.isclose(outputs, moving, atol=1e-4).flatten(2).all(dim=2).all(dim=0)
    assert bool((is_batch ^ is_moving).all())
    assert 0.13 < float(is_moving.float().mean()) < 0.27
    assert torch.allclose(mean_of(layer), 0.9 * 3.0 + 0.1 * mean, atol=1e-5)


def test_stochnorm_is_plain_in_inference_and_afterwards() -> None:
    images = make_batch()[0]
    network, plain = make_network().eval(), make_network().eval()
    method = make_method("stochnorm", {})
    method.prepare(make_start(network))
    assert torch.equal(network(images), plain(images))
    method.finish(network, fold=True)
    assert "forward" not in vars(backbone_of(network).bn1)
