"""Fold BatchNorm into convolutions: the same features, on every kind of network, and back again."""

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from acrank.scoring.extract import extract
from acrank.scoring.folding import folded
from acrank.tasks.heads import features_of

SIZE = 32


def settled(model: nn.Module) -> nn.Module:
    """A network with affines and running statistics that differ from channel to channel."""
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            with torch.no_grad():
                for value, middle in (
                    (module.weight, 1.0),
                    (module.bias, 0.0),
                    (module.running_mean, 0.0),
                    (module.running_var, 1.0),
                ):
                    if value is not None:
                        value.uniform_(middle - 0.5, middle + 0.5, generator=generator)
    return model.eval()


def timm_network(name: str, **settings: Any) -> nn.Module:
    torch.manual_seed(0)
    return settled(timm.create_model(name, num_classes=0, **settings))


def images(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(*(shape or (3, 3, SIZE, SIZE)), generator=generator)


def check(
    model: nn.Module, expected: int, given: Tensor | None = None, dtype: torch.dtype | None = None
) -> None:
    """Folding that many layers changes features by no more than rounding, and nothing remains."""
    batch = images() if given is None else given
    before = {name: value.clone() for name, value in model.state_dict().items()}
    held = [id(parameter) for parameter in model.parameters()]
    with torch.no_grad():
        plain = features_of(model, batch, dtype)
        with folded(model, lambda: features_of(model, batch[:1], dtype)) as count:
            found = features_of(model, batch, dtype)
        again = features_of(model, batch, dtype)
    assert count == expected
    share = 1e-5 if dtype is None else 0.05
    torch.testing.assert_close(found, plain, rtol=0, atol=share * float(plain.abs().max()))
    assert torch.equal(again, plain)
    assert [id(parameter) for parameter in model.parameters()] == held
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet18", 20),
        ("mobilenetv3_small_050", 34),
        ("efficientnet_b0", 49),
        ("tf_mobilenetv3_small_075", 34),  # pads as TensorFlow does
        ("regnetx_002", 44),
        ("densenet121", 59),  # the others follow a concatenation
        ("resnetv2_18d", 10),  # the others follow an addition
        ("vgg11_bn", 8),
        ("ghostnet_050", 80),
        ("repvgg_a0", 44),  # branches without a convolution
        ("resnet18.gn", 0),
        ("convnext_atto", 0),
        ("vit_tiny_patch16_224", 0),
    ],
)
def test_networks_of_timm_keep_their_features(name: str, expected: int) -> None:
    plain, _, variant = name.partition(".")
    settings: dict[str, Any] = {"norm_layer": "groupnorm"} if variant else {}
    if plain.startswith("vit"):
        settings["img_size"] = SIZE
    check(timm_network(plain, **settings), expected)


def test_bf16_keeps_features_within_its_rounding() -> None:
    check(timm_network("resnet18"), 20, dtype=torch.bfloat16)


class Parts(nn.Module):
    """A network as a factory may write it: its forward is given."""

    def __init__(self, forward: Callable[["Parts", Tensor], Tensor], **parts: nn.Module) -> None:
        super().__init__()
        self.way = forward
        for name, part in parts.items():
            self.add_module(name, part)

    def __getattr__(self, name: str) -> Any:
        return super().__getattr__(name)

    def forward(self, given: Tensor) -> Tensor:
        return self.way(self, given).flatten(2).mean(-1)


def conv(width: int = 4, given: int = 3, **settings: object) -> nn.Conv2d:
    return nn.Conv2d(given, width, 3, **settings)  # type: ignore[arg-type]


FOLDED: dict[str, Callable[[], nn.Module]] = {
    "plain": lambda: Parts(lambda m, x: m.bn(m.conv(x)), conv=conv(), bn=nn.BatchNorm2d(4)),
    "no bias": lambda: Parts(
        lambda m, x: m.bn(m.conv(x)), conv=conv(bias=False), bn=nn.BatchNorm2d(4)
    ),
    "no affine": lambda: Parts(
        lambda m, x: m.bn(m.conv(x)), conv=conv(), bn=nn.BatchNorm2d(4, affine=False)
    ),
    "reflected": lambda: Parts(
        lambda m, x: m.bn(m.conv(x)),
        conv=conv(padding=2, padding_mode="reflect"),
        bn=nn.BatchNorm2d(4),
    ),
    "groups": lambda: Parts(
        lambda m, x: m.bn(m.conv(x)), conv=conv(6, groups=3), bn=nn.BatchNorm2d(6)
    ),
    "with an activation": lambda: Parts(
        lambda m, x: m.bn(m.conv(x)), conv=conv(), bn=BatchNormAct2d(4)
    ),
    "through an identity": lambda: Parts(
        lambda m, x: m.bn(m.between(m.conv(x))),
        conv=conv(),
        between=nn.Identity(),
        bn=nn.BatchNorm2d(4),
    ),
}


@pytest.mark.parametrize("name", FOLDED)
def test_a_pair_is_folded(name: str) -> None:
    check(settled(FOLDED[name]()), 1)


def shared_conv() -> nn.Module:
    return Parts(
        lambda m, x: m.second(m.conv(m.first(m.conv(x)))),
        conv=conv(3),
        first=nn.BatchNorm2d(3),
        second=nn.BatchNorm2d(3),
    )


def tied_weights() -> nn.Module:
    model = Parts(
        lambda m, x: m.bn(m.one(x)) + m.other(x), one=conv(), other=conv(), bn=nn.BatchNorm2d(4)
    )
    model.other.weight = model.one.weight
    return model


def with_own_forward() -> nn.Module:
    class Halved(nn.Conv2d):
        def forward(self, given: Tensor) -> Tensor:
            return F.relu(super().forward(given))

    return Parts(lambda m, x: m.bn(m.conv(x)), conv=Halved(3, 4, 3), bn=nn.BatchNorm2d(4))


def hooked(attach: Callable[[Parts], object]) -> nn.Module:
    model = Parts(lambda m, x: m.bn(m.conv(x)), conv=conv(), bn=nn.BatchNorm2d(4))
    attach(model)
    return model


LEFT: dict[str, Callable[[], nn.Module]] = {
    "after an addition": lambda: Parts(
        lambda m, x: m.bn(m.one(x) + m.other(x)),
        one=conv(),
        other=conv(),
        bn=nn.BatchNorm2d(4),
    ),
    "read twice": lambda: Parts(
        lambda m, x: m.bn(y := m.conv(x)) + y, conv=conv(), bn=nn.BatchNorm2d(4)
    ),
    "changed in place": lambda: Parts(
        lambda m, x: m.bn(m.conv(x).relu_()), conv=conv(), bn=nn.BatchNorm2d(4)
    ),
    "activated before": lambda: Parts(
        lambda m, x: m.bn(F.relu(m.conv(x))), conv=conv(), bn=nn.BatchNorm2d(4)
    ),
    "one convolution for two norms": shared_conv,
    "one norm for two convolutions": lambda: Parts(
        lambda m, x: m.bn(m.one(x)) + m.bn(m.other(x)),
        one=conv(),
        other=conv(),
        bn=nn.BatchNorm2d(4),
    ),
    "tied weights": tied_weights,
    "weights used by hand": lambda: Parts(
        lambda m, x: m.bn(m.conv(x)) + F.conv2d(x, m.conv.weight),
        conv=conv(),
        bn=nn.BatchNorm2d(4),
    ),
    "a forward of its own": with_own_forward,
    "a parametrisation": lambda: Parts(
        lambda m, x: m.bn(m.conv(x)),
        conv=parametrizations.weight_norm(conv()),
        bn=nn.BatchNorm2d(4),
    ),
    "transposed": lambda: Parts(
        lambda m, x: m.bn(m.conv(x)), conv=nn.ConvTranspose2d(3, 4, 3), bn=nn.BatchNorm2d(4)
    ),
    "by the batch": lambda: Parts(
        lambda m, x: m.bn(m.conv(x)),
        conv=conv(),
        bn=nn.BatchNorm2d(4, track_running_stats=False),
    ),
    "group norm": lambda: Parts(
        lambda m, x: m.norm(m.conv(x)), conv=conv(), norm=nn.GroupNorm(2, 4)
    ),
    "a hook on the convolution": lambda: hooked(
        lambda m: m.conv.register_forward_hook(lambda module, given, output: None)
    ),
    "a hook on the norm": lambda: hooked(
        lambda m: m.bn.register_forward_pre_hook(lambda module, given: None)
    ),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_cannot_be_folded_is_left(name: str) -> None:
    check(settled(LEFT[name]()), 0)


@pytest.mark.parametrize("dimensions", [1, 3])
def test_sequences_and_volumes_are_folded(dimensions: int) -> None:
    layer = {1: nn.Conv1d, 3: nn.Conv3d}[dimensions](3, 4, 3)
    norm = {1: nn.BatchNorm1d, 3: nn.BatchNorm3d}[dimensions](4)
    given = images(3, 3, *[8] * dimensions)
    check(settled(Parts(lambda m, x: m.bn(m.conv(x)), conv=layer, bn=norm)), 1, given)


def test_a_network_that_takes_another_way_with_one_image_is_left() -> None:
    """What was seen of one image would not hold; a network that refuses it is not an error."""

    def way(model: Parts, given: Tensor) -> Tensor:
        if len(given) == 1:
            raise ValueError("two images or more")
        normal: Tensor = model.bn(model.conv(given))
        return normal

    check(settled(Parts(way, conv=conv(), bn=nn.BatchNorm2d(4))), 0)


def test_folds_that_change_the_features_are_taken_back() -> None:
    class Remembers(nn.Module):
        """Its second pass differs from the first, as no rounding explains."""

        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn, self.passes = conv(), nn.BatchNorm2d(4), 0

        def forward(self, given: Tensor) -> Tensor:
            self.passes += 1
            normal: Tensor = self.bn(self.conv(given))
            return normal.flatten(2).mean(-1) * self.passes

    model = settled(Remembers())
    with torch.no_grad(), folded(model, lambda: model(images()[:1])) as count:
        assert count == 0
        assert "forward" not in model.bn.__dict__


def test_an_error_within_leaves_the_network_as_it_was() -> None:
    model = settled(FOLDED["plain"]())
    before = model(images())
    with torch.no_grad(), pytest.raises(KeyError), folded(model, lambda: model(images()[:1])):
        raise KeyError
    assert torch.equal(model(images()), before)


@pytest.mark.parametrize("count", [1, 3])
def test_features_of_a_sample_are_those_of_the_network_as_it_is(count: int) -> None:
    model = timm_network("resnet18")
    batch = images(20 * count, 3, SIZE, SIZE)

    def batches(index: int) -> tuple[Tensor, Tensor]:
        return batch[20 * index : 20 * (index + 1)], torch.arange(20) % 2

    with torch.no_grad():
        plain = model(batch)
    found = torch.from_numpy(extract(model, None, batches, count).features)
    torch.testing.assert_close(found, plain, rtol=0, atol=1e-5 * float(plain.abs().max()))


def test_a_network_that_normalises_by_the_batch_sees_it_whole() -> None:
    model = settled(LEFT["by the batch"]())
    batch = images(40, 3, SIZE, SIZE)
    with torch.no_grad():
        plain = model(batch)
    found = extract(model, None, lambda index: (batch, torch.arange(40) % 2), 1).features
    torch.testing.assert_close(torch.from_numpy(found), plain)
