"""Feature maps of networks that were made to classify."""

import pytest
import timm
import torch
from timm.models import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.errors import ModelError
from acrank.norm import convert_batchnorm
from acrank.tasks.maps import give_maps
from tests.shared_networks import CifarResNet

SIZE = (3, 64, 64)
IMAGES = torch.randn(2, *SIZE, generator=torch.Generator().manual_seed(0))


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = timm.create_model(name, num_classes=0).eval()
    return model


@pytest.mark.parametrize(
    "name",
    [
        *("resnet18", "mobilenetv3_small_050", "densenet121", "convnext_atto"),
        *("regnetx_002", "swin_tiny_patch4_window7_224"),
    ],
)
def test_maps_are_those_of_timm(name: str) -> None:
    size = (3, 224, 224) if "swin" in name else SIZE
    images = torch.randn(1, *size, generator=torch.Generator().manual_seed(0))
    model = network(name)
    torch.manual_seed(0)
    expected = timm.create_model(name, features_only=True).eval()
    expected.load_state_dict(model.state_dict(), strict=False)
    give_maps(model, size)
    with torch.no_grad():
        found, theirs = model(images), expected(images)
    if "swin" in name:
        theirs = [values.permute(0, 3, 1, 2) for values in theirs]
    assert [tuple(m.shape) for m in found] == [tuple(m.shape) for m in theirs]
    if not expected.state_dict().keys() - model.state_dict().keys():
        for one, other in zip(found, theirs, strict=True):
            torch.testing.assert_close(one, other)


def test_other_networks_give_the_last_map_of_each_scale() -> None:
    torch.manual_seed(0)
    model = CifarResNet(1).eval()
    names = give_maps(model, (3, 32, 32))
    assert names == ("layer1", "layer2", "layer3")
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        first, second, third = model(images)
        start = F.relu(model.bn1(model.conv1(images)))
        torch.testing.assert_close(first, model.layer1(start))
        torch.testing.assert_close(third, model.layer3(model.layer2(first)))
    assert second.shape == (2, 32, 16, 16)


def test_maps_survive_a_conversion_and_are_new_each_time() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, 2, 1), nn.BatchNorm2d(4)
    )
    assert give_maps(model, SIZE) == ("1", "3")
    convert_batchnorm(model)
    model.eval()
    one = model(IMAGES)
    assert len(one) == len(model(IMAGES)) == 2
    one[-1].sum().backward()
    assert model[1].weight_target.grad is not None


@pytest.mark.parametrize("model", ["flat", "vit"])
def test_one_scale_is_refused(model: str) -> None:
    flat: nn.Module = nn.Conv2d(3, 4, 3, padding=1)
    if model == "vit":
        flat = VisionTransformer(img_size=64, patch_size=16, embed_dim=8, depth=1, num_heads=1)
    else:
        flat = nn.Sequential(flat)
    with pytest.raises(ModelError, match="a decoder needs two or more"):
        give_maps(flat, SIZE)


def test_a_failing_pass_leaves_no_hooks() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            self.conv(x)
            raise RuntimeError("not today")

    model = Odd()
    with pytest.raises(ModelError, match="does not run on an image of 3x64x64: not today"):
        give_maps(model, SIZE)
    assert not model.conv._forward_hooks
