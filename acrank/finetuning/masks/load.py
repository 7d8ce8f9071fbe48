"""Load a segmenter that a fine-tuning has left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from acrank.data import Preprocessing
from acrank.errors import ModelError
from acrank.finetuning.export import WEIGHTS
from acrank.finetuning.masks.export import DECODER, SEGMENTER
from acrank.finetuning.network import Network
from acrank.finetuning.trained import Trained
from acrank.finetuning.volumes.slide import Patches, slide
from acrank.tasks.decoders import require_decoders
from acrank.tasks.dense import DenseReadout
from acrank.tasks.maps import give_maps
from acrank.utils.visible import first_line
from acrank.zoo import Hub, ZooEntry
from acrank.zoo.loading import load_backbone

# Keys that :data:`SEGMENTER` holds for every network.
NEEDED = {"classes", "decoder", "size", "mean", "std", "channels", "factory", "ac_norm"}


class Segmenter(nn.Module):
    """A network from images or volumes to the class of every pixel.

    Attributes:
        network: encoder and decoder.
        classes: names, in the order of the logits.
        image_size: height and width in training; other multiples of 32 work too. None for volumes.
        patch: voxels of the patches in training; None for images.
        spacing: spacing of their voxels in mm, from left to right, back to front and foot to head.
        window: window of their intensities; None for percentiles of each volume.
        mean: mean by channel to subtract from pixels in [0, 1], or from standardised volumes.
        std: deviation by channel to divide by afterwards.
    """

    def __init__(self, network: nn.Module, described: dict[str, Any]) -> None:
        super().__init__()
        self.network = network
        self.classes: tuple[str, ...] = tuple(described["classes"])
        self.image_size: int | None = described.get("image_size")
        self.patch: tuple[int, ...] | None = _numbers(described.get("patch"))
        self.spacing: tuple[float, ...] | None = _numbers(described.get("spacing"))
        self.window: tuple[float, ...] | None = _numbers(described.get("window"))
        self.mean: tuple[float, ...] = tuple(described["mean"])
        self.std: tuple[float, ...] = tuple(described["std"])

    def forward(self, images: Tensor) -> Tensor:
        """Compute logits (N, K, *S) of normalised images (N, C, *S); of volumes patch by patch."""
        if self.patch is not None:
            return slide(self.network, images, self.patch)
        logits: Tensor = self.network(images)
        return F.interpolate(logits, size=images.shape[2:], mode="bilinear")

    def trained(self, files: tuple[str, ...]) -> Trained:
        """Give the network of images, or of single patches, with how its inputs are prepared.

        Args:
            files: names of the files that hold the weights.
        """
        sides = self.patch or (self.image_size,) * 2
        how = {"interpolation": "bicubic", "crop_pct": 1.0, "crop_mode": "squash"}
        preprocessing = Preprocessing.from_config(
            {**how, "input_size": (len(self.mean), *sides), "mean": self.mean, "std": self.std}
        )
        if self.patch is None:
            return Trained(self, self.classes, preprocessing, files)
        geometry = {"spacing": self.spacing, "window": self.window}
        return Trained(Patches(self.network), self.classes, preprocessing, files, geometry)


def _numbers(values: list[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)


def load_segmenter(folder: str | Path, *, trust_code: bool = False) -> Segmenter:
    """Load the segmenter that ``acrank finetune`` has trained on images with masks, or on volumes.

    Args:
        folder: folder of the fine-tuning.
        trust_code: allow the ``factory`` of the encoder to run its code.

    Returns:
        The network from prepared images to logits, in inference mode on the CPU.

    Raises:
        ModelError: the folder holds no segmenter, or not a whole one.
        MissingExtraError: the library of decoders is missing.
    """
    place = Path(folder)
    described = _described(place)
    sides = tuple(described["size"])
    require_decoders(described["decoder"], len(sides))
    if described["ac_norm"]:
        raise ModelError(
            f"{place}: the encoder holds AC-Norm layers (--no-fold).",
            hint="Fine-tune with --fold, which keeps plain BatchNorm of the same output.",
        )
    size = (described["channels"], *sides)
    try:
        encoder = _encoder(place, described["factory"], trust_code)
        give_maps(encoder, size)
        with torch.no_grad():
            maps = encoder(torch.zeros(1, *size))
        task = DenseReadout(described["decoder"], sides, 0)
        decoder = task.head(maps, len(described["classes"]), 0, trial=0)
        decoder.load_state_dict(load_file(place / DECODER))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(
            f"{place}: the segmenter cannot be loaded: {first_line(error)}."
        ) from error
    return Segmenter(Network(encoder, decoder), described).eval()


def _described(folder: Path) -> dict[str, Any]:
    try:
        described: dict[str, Any] = json.loads((folder / SEGMENTER).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder} holds no segmenter: {SEGMENTER} cannot be read.",
            hint="Give the folder that acrank finetune wrote from images with masks, or volumes.",
        ) from error
    if not isinstance(described, dict) or not described.keys() >= NEEDED:
        raise ModelError(f"{folder}: {SEGMENTER} is not what acrank finetune writes.")
    return described


def _encoder(folder: Path, factory: dict[str, Any] | None, trust_code: bool) -> nn.Module:
    if factory is None:
        encoder: nn.Module = timm.create_model(f"local-dir:{folder}", pretrained=True)
        encoder.eval()
        return encoder
    entry = ZooEntry.model_validate({**factory, "base": Path(factory["base"])})
    encoder = load_backbone(entry, trust_code=trust_code, hub=Hub(offline=True)).model
    encoder.load_state_dict(load_file(folder / WEIGHTS))
    return encoder
