"""Small volumes with a bright box, where the box is, and small networks of volumes."""

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from acrank.finetuning.config import FinetuneConfig, make_finetune_config
from tests.data.volumes.builders import save

SIZE = (18, 20, 10)
# Voxels twice as long from foot to head.
AFFINE = np.diag([1.0, 1.0, 2.0, 1.0])

ZOO = """version: 1
models:
- name: unet
  factory: monai.networks.nets:UNet
  kwargs:
    {spatial_dims: 3, in_channels: 1, out_channels: 1, channels: [8, 16], strides: [2], norm: batch}
- name: encoder
  factory: tests.finetuning.volumes.boxes:Encoder
"""


class Encoder(nn.Module):
    """Strides 2 and 4, then pooled."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for given, width in ((1, 4), (4, 6)):
            layers += [nn.Conv3d(given, width, 3, 2, 1), nn.BatchNorm3d(width), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(6, 2)

    def forward(self, volumes: Tensor) -> Tensor:
        """Logits of volumes."""
        logits: Tensor = self.fc(self.layers(volumes).mean((2, 3, 4)))
        return logits


def write_boxes(folder: Path, count: int = 6, seed: int = 0) -> Path:
    """Volumes of noise with a bright box in two parts, 1 and 2."""
    generator = np.random.default_rng(seed)
    for index in range(count):
        x, y, z = (int(generator.integers(2, side // 2 - 1)) for side in SIZE)
        labels = np.zeros(SIZE, dtype=np.uint8)
        labels[x : x + 8, y : y + 4, z : z + 4] = 1
        labels[x : x + 8, y + 4 : y + 9, z : z + 4] = 2
        voxels = generator.normal(0, 5, SIZE) + 60.0 * labels
        save(folder / "images" / f"box{index}.nii.gz", voxels.astype(np.float32), AFFINE)
        save(folder / "labels" / f"box{index}.nii.gz", labels, AFFINE)
    return folder


def config(folder: Path, **settings: Any) -> FinetuneConfig:
    """A short fine-tuning on such a folder."""
    zoo = folder / "zoo.yaml"
    zoo.write_text(ZOO)
    given: dict[str, Any] = {
        **{"data": str(folder), "zoo": str(zoo), "model": "unet", "patch": 16, "epochs": 2},
        **{"precision": "fp32", "trust_code": True, "spacing": [1, 1, 1.5]},
    }
    return make_finetune_config({**given, **settings})
