"""Whole networks for segmentation, in two and three dimensions."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.data import Preprocessing
from acrank.errors import ModelError
from acrank.scoring.extract import extract
from acrank.scoring.probe import probe_model
from acrank.scoring.types import ProbeSettings
from acrank.tasks.dense import DenseReadout
from acrank.tasks.maps import Maps, give_maps
from acrank.utils.fresh import mark_fresh
from acrank.zoo.heads.known import remove_head

SIDE = 32
CONV = {2: nn.Conv2d, 3: nn.Conv3d}
NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


class UNet(nn.Module):
    """Three scales, a residual unit on the logits, and what makes probabilities of them."""

    def __init__(self, dimensions: int = 2, classes: int = 3, activation: bool = False) -> None:
        super().__init__()

        def block(given: int, width: int, stride: int = 1) -> nn.Module:
            conv = CONV[dimensions](given, width, 3, stride, 1)
            return nn.Sequential(conv, NORM[dimensions](width), nn.ReLU(inplace=True))

        self.down1, self.down2, self.down3 = block(1, 4), block(4, 6, 2), block(6, 8, 2)
        self.up2, self.up1 = block(14, 6), block(10, 5)
        self.end = CONV[dimensions](5, classes, 1)
        self.refine = CONV[dimensions](classes, classes, 3, padding=1)
        self.relu = nn.ReLU()
        self.activation: nn.Module = nn.Softmax(1) if activation else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        one = self.relu(self.down1(x))
        two = self.relu(self.down2(one))
        three = self.relu(self.down3(two))
        two = self.up2(torch.cat([two, F.interpolate(three, scale_factor=2)], 1))
        one = self.up1(torch.cat([one, F.interpolate(two, scale_factor=2)], 1))
        logits = self.end(one)
        given: Tensor = self.activation(logits + self.refine(logits))
        return given


def network(dimensions: int = 2, **settings: Any) -> nn.Module:
    torch.manual_seed(0)
    model = UNet(dimensions, **settings).eval()
    remove_head(model, None)
    return model


def images(dimensions: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 1, *[SIDE] * dimensions, generator=generator)


def task(**settings: Any) -> DenseReadout:
    return DenseReadout("unet", (SIDE, SIDE), pixels=4, **settings)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_maps_are_those_of_the_decoder(dimensions: int) -> None:
    model, x = network(dimensions), images(dimensions)
    expected = UNet.forward(model, x).detach()  # type: ignore[arg-type]
    assert give_maps(model, (1, *[SIDE] * dimensions)) == ("end",)
    maps = task().features(model, x, None)
    assert maps.whole
    assert maps.layers == ("end (input)", "up2", "down3")
    assert [m.shape[1] for m in maps.seen] == [5, 6, 8]
    assert [SIDE // m.shape[2] for m in maps.seen] == [1, 2, 4]
    assert maps[0] is maps.seen[0]
    assert maps.logits is not None
    torch.testing.assert_close(maps.logits, expected)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_fresh_head_is_a_convolution_of_single_pixels(dimensions: int) -> None:
    model, x = network(dimensions), images(dimensions)
    give_maps(model, (1, *[SIDE] * dimensions))
    maps = task().features(model, x, None)
    head = task().head(maps, 2, seed=0, trial=1)
    logits = head(maps)
    assert logits.shape == (2, 2, *[SIDE] * dimensions)
    weight = head.classify.weight  # type: ignore[union-attr]
    torch.testing.assert_close(
        logits.flatten(2),
        torch.einsum("ndp,kd->nkp", maps[0].flatten(2), weight.flatten(1)),  # type: ignore[operator]
    )
    assert torch.equal(weight, task().head(maps, 2, 0, 1).classify.weight)  # type: ignore[union-attr, arg-type]
    assert not torch.equal(weight, task().head(maps, 2, 0, 2).classify.weight)  # type: ignore[union-attr, arg-type]


@pytest.mark.parametrize("dimensions", [2, 3])
def test_its_norms_take_a_step_and_its_pixels_are_seen(dimensions: int) -> None:
    model, x = network(dimensions), images(dimensions)
    y = (x[:, 0] > 0).long()
    give_maps(model, (1, *[SIDE] * dimensions))
    found = extract(model, None, lambda i: (x, y), 1, None, task())
    assert found.features.shape == (2 * 2 * 4, 19)
    assert (found.widths, found.layers) == ((5, 6, 8), ("end (input)", "up2", "down3"))
    assert found.in_order(torch.tensor([1, 0]).numpy()).layers == found.layers
    assert found.source_probs is not None
    settings = ProbeSettings(readout=task())
    probe = probe_model(model, lambda i: (x, y), 1, 2, settings)
    assert {source.name for source in probe.sources} == {
        f"{block}.1" for block in ("down1", "down2", "down3", "up1", "up2")
    }


@pytest.mark.parametrize(("classes", "activation"), [(3, False), (3, True), (1, False)])
def test_source_probabilities_are_those_of_its_own_head(classes: int, activation: bool) -> None:
    model, x = network(classes=classes, activation=activation), images(2)
    with torch.no_grad():
        own = UNet.forward(model, x)  # type: ignore[arg-type]
    if classes == 1:
        own = torch.cat([1 - torch.sigmoid(own), torch.sigmoid(own)], 1)
    elif not activation:
        own = torch.softmax(own, 1)
    give_maps(model, (1, SIDE, SIDE))
    y = (x[:, 0] > 0).long()
    with torch.no_grad():
        features = task().features(model, x, None)
        seen, probs = DenseReadout("unet", (SIDE, SIDE), SIDE**2).observe(features, y, None, 0)
    # every pixel is drawn, those of class 0 first
    order = torch.cat([torch.argsort(y[i].flatten(), stable=True) + i * SIDE**2 for i in (0, 1)])
    assert torch.equal(seen.labels, y.flatten()[order])
    assert probs is not None
    torch.testing.assert_close(probs, own.movedim(1, -1).reshape(2 * SIDE**2, -1)[order])


def test_a_fresh_last_convolution_says_nothing_of_the_source() -> None:
    model = network()
    mark_fresh(model.end)
    give_maps(model, (1, SIDE, SIDE))
    assert task().features(model, images(2), None).logits is None


def test_layers_are_chosen_by_name() -> None:
    encoder = nn.Sequential(*list(network().children())[:3])
    for model, name in ((network(), "down2"), (encoder, "1.2")):
        give_maps(model, (1, SIDE, SIDE), (name,))
        maps = model.eval()(images(2))
        assert isinstance(maps, Maps)
        assert (maps.layers, [m.shape[1] for m in maps.seen]) == ((name,), [6])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dwn2", r"'dwn2' is none of its layers. Did you mean down2"),
        ("zzz", r"'zzz' is none of its layers. Such as: end, up2, down3"),
        ("relu", r"'relu' gives no single feature map"),
    ],
)
def test_layers_it_has_not_are_refused(name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        give_maps(network(), (1, SIDE, SIDE), ("down2", name))


def test_a_map_by_no_convolution_is_refused() -> None:
    class Odd(UNet):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x)[:, :2]

    with pytest.raises(ModelError, match=r"gives a map of 2 channel\(s\), but by no convolution"):
        give_maps(Odd(), (1, SIDE, SIDE))


def test_a_failing_pass_leaves_nothing_behind() -> None:
    model = network()
    give_maps(model, (1, SIDE, SIDE))
    with pytest.raises(RuntimeError):
        model(torch.zeros(1, 1, SIDE + 1, SIDE))
    assert len(model(images(2)).seen) == 3
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in list(model.modules())[1:])


@pytest.mark.parametrize(
    ("name", "kwargs", "last"),
    [
        ("UNet", {"channels": (4, 8), "strides": (2,), "num_res_units": 2}, "model.2.0.conv"),
        ("BasicUNet", {"features": (2, 2, 2, 2, 2, 4)}, "final_conv"),
        ("SegResNet", {"init_filters": 4, "blocks_down": (1, 1), "blocks_up": (1,)}, "conv_final"),
    ],
)
def test_networks_of_monai(name: str, kwargs: dict[str, Any], last: str) -> None:
    nets = pytest.importorskip("monai.networks.nets", reason="needs MONAI (extra medical)")
    kind = {"spatial_dims": 3, "in_channels": 1, "out_channels": 3, "norm": "batch"}
    model = getattr(nets, name)(**kind, **kwargs).eval()
    assert give_maps(model, (1, SIDE, SIDE, SIDE))[0].startswith(last)
    maps = model(images(3)[:1])
    assert maps[0].shape[1] > 3
    assert maps.logits.shape == (1, 3, SIDE, SIDE, SIDE)


def test_the_task_prepares_a_segmenter() -> None:
    model = network()
    seen = Preprocessing((1, SIDE, SIDE), "bicubic", 1.0, "squash", (0.5,), (0.5,))
    task(layers=("up1",), scales=2).prepare(model, seen)
    assert model(images(2)).layers == ("up1",)
