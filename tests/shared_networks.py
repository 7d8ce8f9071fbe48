"""The networks of the shared weights, and zoo entries for them."""

import csv
import json
from pathlib import Path
from typing import Any, cast

import torch.nn.functional as F
from timm.models.efficientnet import _gen_mobilenet_v1
from torch import Tensor, nn

from acrank.zoo import ZooEntry

ACTS = {"relu": nn.ReLU, "relu6": nn.ReLU6}


def mobilenetv1(
    width: float, num_classes: int, act: str, bn_eps: float = 1e-5, same_pad: bool = False
) -> nn.Module:
    """timm's MobileNetV1 at a width that no public name takes."""
    model: nn.Module = _gen_mobilenet_v1(  # type: ignore[no-untyped-call]
        "mobilenetv1_100",
        channel_multiplier=width,
        num_classes=num_classes,
        act_layer=ACTS[act],
        bn_eps=bn_eps,
        pad_type="same" if same_pad else "",
    )
    return model


class Block(nn.Module):
    """Two convolutions and a parameter-free shortcut (He et al. 2015, section 4.2)."""

    def __init__(self, cin: int, cout: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.pad = (cout - cin) // 2

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.pad:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(x + y)


class CifarResNet(nn.Module):
    """The small ResNet of He et al. 2015, section 4.2; n blocks a stage."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*[Block(16, 16, 1) for _ in range(n)])
        self.layer2 = nn.Sequential(Block(16, 32, 2), *[Block(32, 32, 1) for _ in range(n - 1)])
        self.layer3 = nn.Sequential(Block(32, 64, 2), *[Block(64, 64, 1) for _ in range(n - 1)])
        self.fc = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return cast(Tensor, self.fc(x.mean((2, 3))))


FACTORIES = {"timm_mobilenetv1": "mobilenetv1", "CifarResNet": "CifarResNet"}


def manifest_row(shared: Path, name: str) -> dict[str, str]:
    """What the manifest of the shared weights says of a network."""
    with (shared / "weights" / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        return next(row for row in csv.DictReader(file) if row["id"] == name)


def shared_entry(shared: Path, name: str, **changes: Any) -> ZooEntry:
    """A zoo entry for one of the shared networks."""
    row = manifest_row(shared, name)
    fields: dict[str, Any] = {
        "name": name,
        "factory": f"tests.shared_networks:{FACTORIES[row['builder']]}",
        "kwargs": json.loads(row["builder_kwargs"]),
        "weights": str(shared / row["file"]),
        "sha256": row["sha256"],
        "mean": json.loads(row["mean"]),
        "std": json.loads(row["std"]),
        "input_size": int(row["input_size"]),
    }
    return ZooEntry.model_validate({**fields, **changes})
