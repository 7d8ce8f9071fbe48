"""A segmenter that a fine-tuning has left, ready to use."""

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

from acrank.errors import ModelError
from acrank.finetuning.export import WEIGHTS
from acrank.finetuning.masks.export import DECODER, SEGMENTER
from acrank.finetuning.network import Network
from acrank.tasks.decoders import make_decoder, require_decoders
from acrank.tasks.maps import give_maps
from acrank.zoo import Hub, ZooEntry
from acrank.zoo.loading import load_backbone


class Segmenter(nn.Module):
    """Images to the class of every pixel.

    Attributes:
        network: encoder and decoder.
        classes: names, in the order of the logits.
        image_size: height and width that it was trained on; others that are multiples of 32 do.
        mean: that images have to be less of, by channel, for pixels from 0 to 1.
        std: that they have to be divided by then.
    """

    def __init__(self, network: nn.Module, described: dict[str, Any]) -> None:
        super().__init__()
        self.network = network
        self.classes: tuple[str, ...] = tuple(described["classes"])
        self.image_size: int = described["image_size"]
        self.mean: tuple[float, ...] = tuple(described["mean"])
        self.std: tuple[float, ...] = tuple(described["std"])

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K, H, W) of normalised images (N, C, H, W)."""
        logits: Tensor = self.network(images)
        return F.interpolate(logits, size=images.shape[2:], mode="bilinear")


def load_segmenter(folder: str | Path, *, trust_code: bool = False) -> Segmenter:
    """Load what ``acrank finetune`` has made of images with masks.

    Args:
        folder: of the fine-tuning.
        trust_code: allow the ``factory`` that the encoder came from to run its code.

    Returns:
        The network in inference mode, on the CPU: images as it wants them to logits.

    Raises:
        ModelError: the folder holds no segmenter, or not a whole one.
        MissingExtraError: the library of decoders is missing.
    """
    require_decoders()
    place = Path(folder)
    described = _described(place)
    if described["ac_norm"]:
        raise ModelError(
            f"{place}: the encoder holds AC-Norm layers (--no-fold).",
            hint="Fine-tune with --fold, which keeps plain BatchNorm of the same output.",
        )
    size = (described["channels"], *(described["image_size"],) * 2)
    try:
        encoder = _encoder(place, described["factory"], trust_code)
        give_maps(encoder, size)
        with torch.no_grad():
            maps = encoder(torch.zeros(1, *size))
        strides = [size[1] // values.shape[2] for values in maps]
        widths = [values.shape[1] for values in maps]
        decoder = make_decoder(described["decoder"], widths, strides, len(described["classes"]))
        decoder.load_state_dict(load_file(place / DECODER))
    except (OSError, SafetensorError, RuntimeError) as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{place}: the segmenter cannot be loaded: {line}") from error
    return Segmenter(Network(encoder, decoder), described).eval()


def _described(folder: Path) -> dict[str, Any]:
    try:
        described: dict[str, Any] = json.loads((folder / SEGMENTER).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder} holds no segmenter: {SEGMENTER} cannot be read.",
            hint="Give the folder that acrank finetune wrote from images with masks.",
        ) from error
    return described


def _encoder(folder: Path, factory: dict[str, Any] | None, trust_code: bool) -> nn.Module:
    if factory is None:
        encoder: nn.Module = timm.create_model(f"local-dir:{folder}", pretrained=True)
        return encoder.eval()
    entry = ZooEntry.model_validate({**factory, "base": Path(factory["base"])})
    encoder = load_backbone(entry, trust_code=trust_code, hub=Hub(offline=True)).model
    encoder.load_state_dict(load_file(folder / WEIGHTS))
    return encoder
