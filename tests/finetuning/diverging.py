"""Networks that diverge after so many steps of training, and something small to train them on."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from tests.finetuning.masks.discs import write_discs
from tests.finetuning.volumes.boxes import write_boxes

# Each kind's epoch has two steps.
STEPS = 2
KINDS = ("images", "masks", "volumes")
# Of each kind: of a fine-tuning.
SETTINGS: dict[str, dict[str, Any]] = {
    "images": {"batch_size": 8},
    "masks": {"batch_size": 4, "image_size": 32},
    "volumes": {"batch_size": 2, "patch": 16},
}


class Spoiler(nn.Module):
    """Hands on what it is given; in inference, after so many steps of training, NaN instead."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.steps: Tensor

    def forward(self, images: Tensor) -> Tensor:
        if self.training:
            self.steps += 1
        elif int(self.steps) >= self.after:
            return images * torch.nan
        return images


class Diverging(nn.Module):
    """An encoder of strides 2 to 32 (volumes: 2 and 4) behind a :class:`Spoiler`."""

    def __init__(self, after: int, dimensions: int = 2) -> None:
        super().__init__()
        convolution, norm, widths = (
            (nn.Conv2d, nn.BatchNorm2d, (3, 4, 4, 6, 6, 8))
            if dimensions == 2
            else (nn.Conv3d, nn.BatchNorm3d, (1, 4, 8))
        )
        layers: list[nn.Module] = [Spoiler(after)]
        for given, width in pairwise(widths):
            layers += [convolution(given, width, 3, 2, 1), norm(width), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(8, 2)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.layers(images).flatten(2).mean(dim=2))
        return logits


def write_shades(folder: Path, counts: dict[str, int], seed: int = 0, side: int = 32) -> Path:
    """Images of noise, each class brighter than the one before."""
    generator = np.random.default_rng(seed)
    for place, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            pixels = generator.normal(50 + 70 * place, 30, (side, side, 3)).clip(0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{seed}-{index}.png")
    return folder


def write_kind(folder: Path, kind: str) -> Path:
    """Ten images or masks of two classes, or six volumes."""
    if kind == "images":
        return write_shades(folder, {"dark": 10, "bright": 10})
    return write_discs(folder) if kind == "masks" else write_boxes(folder, 6)


def write_zoo(path: Path, kind: str, **after: int) -> Path:
    """A zoo of such networks by their names."""
    size = "" if kind == "volumes" else ", input_size: 32"
    dimensions = 3 if kind == "volumes" else 2
    entries = [
        f"- {{name: {name}, factory: 'tests.finetuning.diverging:Diverging', "
        f"kwargs: {{after: {count}, dimensions: {dimensions}}}{size}}}\n"
        for name, count in after.items()
    ]
    path.write_text("version: 1\nmodels:\n" + "".join(entries))
    return path
