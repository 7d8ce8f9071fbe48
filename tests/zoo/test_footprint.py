import subprocess
import sys

import pytest
import timm
import torch
from torch import nn

from acrank.errors import ModelError
from acrank.zoo.footprint import network_footprint


def macs(model: nn.Module, *size: int) -> int:
    return network_footprint(model, size, 4).macs


def test_convolutions_by_hand() -> None:
    assert macs(nn.Conv2d(3, 8, 3, padding=1), 3, 10, 10) == 10 * 10 * 8 * 3 * 3 * 3
    assert macs(nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8), 8, 10, 10) == 5 * 5 * 8 * 9
    assert macs(nn.Conv2d(4, 6, 1, groups=2), 4, 7, 9) == 7 * 9 * 6 * 2
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 11))
    assert macs(head, 5, 4, 4) == 5 * 11
    assert macs(nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2)), 3, 8, 8) == 0


@pytest.mark.parametrize(
    ("name", "published"),
    [
        # Gmacs in timm's benchmark tables, which count norms and pooling too: 1 to 4 % more.
        ("resnet18", 1.82),
        ("resnet50", 4.11),
        ("mobilenetv3_large_100", 0.22),
        ("efficientnet_b0", 0.40),
        ("densenet121", 2.87),
    ],
)
def test_networks_as_published(name: str, published: float) -> None:
    with torch.device("meta"):
        model = timm.create_model(name)
    assert 0.96 * published < macs(model, 3, 224, 224) / 1e9 <= published


def test_macs_do_not_depend_on_the_batch() -> None:
    with torch.device("meta"):
        model = timm.create_model("lcnet_050")
    one, many = (network_footprint(model, (3, 96, 96), batch) for batch in (1, 32))
    assert one.macs == many.macs > 1e6
    assert many.memory > 5 * one.memory


def test_norms_of_every_kind_are_left_trainable_where_there_is_no_batchnorm() -> None:
    batch, layer = nn.BatchNorm2d(4), nn.GroupNorm(1, 4)
    both = nn.Sequential(nn.Conv2d(3, 4, 1), batch, nn.GroupNorm(1, 4))
    for model in (both, nn.Sequential(nn.Conv2d(3, 4, 1), layer)):
        network_footprint(model, (3, 5, 5), 2)
        trained = [type(m) for m in model for p in m.parameters(False) if p.requires_grad]
        assert trained == [type(model[1])] * 2


def test_memory_by_hand() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten())
    numbers = sum(value.numel() for value in model.state_dict().values()) - 1
    activation = 32 * 8 * 5 * 5
    images = 32 * 3 * 5 * 5
    # BatchNorm keeps its input and two numbers a channel, ReLU its output; 8: the batch counter
    kept = 2 * activation + 2 * 8
    expected = 4 * (numbers + images + kept + 2 * activation) + 8
    assert network_footprint(model, (3, 5, 5), 32).memory == expected


def test_nothing_is_kept_where_the_probe_has_nothing_to_train() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 8, 1))
    weights = sum(value.numel() for value in model.parameters())
    images, activation = 32 * 3 * 5 * 5, 32 * 8 * 5 * 5
    assert network_footprint(model, (3, 5, 5), 32).memory == 4 * (weights + images + 2 * activation)


def test_a_network_that_looks_at_its_numbers() -> None:
    class Looks(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images if images.sum() > 0 else -images

    with pytest.raises(ModelError, match="MACs and memory cannot be told"):
        network_footprint(Looks(), (3, 5, 5), 2)


@pytest.mark.skipif(sys.platform != "linux", reason="its /proc tells the peak")
def test_memory_is_what_a_step_takes() -> None:
    """Within a factor of two; the allocator's own loss is in what is measured."""
    code = """
import timm, torch
from acrank.scoring.single_step import single_steps
from acrank.scoring.types import ProbeSettings
from acrank.zoo.footprint import network_footprint

def peak():  # of this process: ru_maxrss would begin with that of the process it came from
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

torch.set_num_threads(1)
told = network_footprint(timm.create_model("lcnet_050", num_classes=0), (3, 224, 224), 32).memory
model = timm.create_model("lcnet_050", num_classes=0).to(memory_format=torch.channels_last)
before = peak()
batch = torch.randn(32, 3, 224, 224).contiguous(memory_format=torch.channels_last)
single_steps(model, lambda i: (batch, torch.arange(32) % 4), 1, 4, ProbeSettings())
print(told, peak() - before)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    told, took = map(int, ran.stdout.split())
    assert told / 2 < took < told * 2, ran.stderr
