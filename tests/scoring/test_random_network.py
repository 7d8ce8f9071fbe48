"""Drawing a network's weights anew, and putting its own back."""

import timm
import torch
from torch import nn

from acrank.scoring.random_network import FLAG, random_weights, with_weights
from tests.norm.test_convert import randomise


def network() -> nn.Module:
    model = timm.create_model("resnet10t", num_classes=0)
    return randomise(model).eval()


def state(model: nn.Module) -> list[torch.Tensor]:
    return [value.clone() for value in model.state_dict().values()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_every_layer_is_drawn_and_the_network_is_as_before() -> None:
    model = network()
    before, generator = state(model), torch.get_rng_state()
    drawn = random_weights(model, 3)
    assert same(state(model), before)
    assert torch.equal(torch.get_rng_state(), generator)
    assert drawn.shuffled == ()
    assert drawn.flags == {}
    with with_weights(model, drawn):
        inside = state(model)
        norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
        assert {value for norm in norms for value in norm.weight.tolist()} == {1.0}
        assert {float(v) for norm in norms for v in norm.get_buffer("running_mean")} == {0.0}
        for weight in (m.weight for m in model.modules() if isinstance(m, nn.Conv2d)):
            limit = weight[0].numel() ** -0.5  # as PyTorch draws a convolution
            assert 0.5 * limit < float(weight.detach().abs().max()) < 1.001 * limit
    assert same(state(model), before)
    with with_weights(model, random_weights(network(), 3)):
        assert same(state(model), inside)  # of the seed and the architecture alone
    with with_weights(model, random_weights(model, 4)):
        assert not same(state(model), inside)


def test_parameters_of_no_layer_keep_their_values_in_random_order() -> None:
    model = timm.create_model("vit_tiny_patch16_224", num_classes=0, depth=1, img_size=32).eval()
    position = model.get_parameter("pos_embed").detach().clone()
    drawn = random_weights(model, 0)
    assert set(drawn.shuffled) == {"cls_token", "pos_embed"}
    assert drawn.flags[FLAG].startswith("2 parameters in random order, not drawn (")
    with with_weights(model, drawn):
        found = model.get_parameter("pos_embed").detach()
        assert not torch.equal(found, position)
        assert torch.equal(found.flatten().sort().values, position.flatten().sort().values)
    assert torch.equal(model.get_parameter("pos_embed"), position)


def test_statistics_of_norms_without_affines_are_fresh_and_other_buffers_stay() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(3, affine=False)
            self.attention = nn.MultiheadAttention(4, 2)
            self.register_buffer("index", torch.arange(5))

    model = Own()
    model.norm.running_mean = torch.ones(3)
    before = model.attention.in_proj_weight.detach().clone()
    drawn = random_weights(model, 0)
    assert drawn.shuffled == ()
    with with_weights(model, drawn):
        assert model.norm.running_mean.tolist() == [0, 0, 0]
        assert model.get_buffer("index").tolist() == list(range(5))
        assert not torch.equal(model.attention.in_proj_weight, before)
    assert model.norm.running_mean.tolist() == [1, 1, 1]
