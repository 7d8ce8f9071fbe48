"""Real pretrained networks, where the folder of shared material is at hand."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from acrank.zoo import Hub, ZooEntry, describe, load_backbone

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("ACRANK_SHARED", ROOT.parent / "shared"))
MANIFEST = SHARED / "weights" / "MANIFEST.csv"
NAMES = [
    "mobilenetv1_025_imagenet",
    "mobilenetv1_025_vww",
    "mobilenetv1_025_widerface",
    "cifar_resnet20",
    "cifar_resnet32",
]
NETS = """
import torch
import torch.nn.functional as F
from timm.models.efficientnet import _gen_mobilenet_v1
from torch import nn

ACTS = {"relu": nn.ReLU, "relu6": nn.ReLU6}

def mobilenetv1(width, num_classes, act, bn_eps=1e-5, same_pad=False):
    return _gen_mobilenet_v1(
        "mobilenetv1_100", channel_multiplier=width, num_classes=num_classes,
        act_layer=ACTS[act], bn_eps=bn_eps, pad_type="same" if same_pad else "",
    )

class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.pad = (cout - cin) // 2

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.pad:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(x + y)

class CifarResNet(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*[Block(16, 16, 1) for _ in range(n)])
        self.layer2 = nn.Sequential(Block(16, 32, 2), *[Block(32, 32, 1) for _ in range(n - 1)])
        self.layer3 = nn.Sequential(Block(32, 64, 2), *[Block(64, 64, 1) for _ in range(n - 1)])
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.fc(x.mean((2, 3)))
"""


def manifest_row(name: str) -> dict[str, str]:
    if not MANIFEST.is_file():
        pytest.skip(f"no shared weights at {SHARED} (ACRANK_SHARED names another place)")
    with MANIFEST.open(newline="", encoding="utf-8") as file:
        return next(row for row in csv.DictReader(file) if row["id"] == name)


@pytest.mark.parametrize("name", NAMES)
def test_a_real_network_loads_strictly(name: str, no_hub: Hub, tmp_path: Path) -> None:
    row = manifest_row(name)
    (tmp_path / "shared_nets.py").write_text(NETS)
    made = {"timm_mobilenetv1": "mobilenetv1", "CifarResNet": "CifarResNet"}[row["builder"]]
    fields: dict[str, Any] = {
        "name": name,
        "factory": f"shared_nets:{made}",
        "kwargs": json.loads(row["builder_kwargs"]),
        "weights": str(SHARED / row["file"]),
        "sha256": row["sha256"],
        "mean": json.loads(row["mean"]),
        "std": json.loads(row["std"]),
        "input_size": int(row["input_size"]),
        "base": tmp_path,
    }
    entry = ZooEntry.model_validate(fields)
    loaded = load_backbone(entry, trust_code=True, hub=no_hub)
    info = loaded.info
    assert (info.params, info.norm_layers) == (int(row["params"]), int(row["bn_layers"]))
    assert info.norm_channels == int(row["bn_channels"])
    assert info.revision == f"sha256:{row['sha256'][:12]}"
    assert describe(entry, trust_code=True) == info
    assert loaded.data_config["std"] == pytest.approx(tuple(json.loads(row["std"])))
    with torch.no_grad():
        found = loaded.model(torch.zeros(2, *info.input_size))
    assert found.shape == (2, 64 if "cifar" in name else 256)
