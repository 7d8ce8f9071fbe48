"""Write a trained segmenter as a folder: an encoder that timm loads, and its decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import nn

from acrank.finetuning.export import WEIGHTS, plain_network, plain_tensors, timm_config
from acrank.finetuning.network import Network
from acrank.norm.layers import AffineCoNorm
from acrank.utils.files import write_whole
from acrank.utils.serialise import json_text
from acrank.zoo import Backbone, ZooEntry
from acrank.zoo.sources.registry import source_of

DECODER = "decoder.safetensors"
SEGMENTER = "segmenter.json"


def save_segmenter(
    folder: Path,
    backbone: Backbone,
    network: Network,
    classes: Sequence[str],
    decoder: str,
    size: Sequence[int],
    geometry: Mapping[str, Any],
) -> str:
    """Write the encoder, the decoder and the description for :func:`acrank.load_segmenter`.

    Args:
        folder: folder that exists.
        backbone: backbone that the trained network was built from.
        network: trained network on the CPU.
        classes: names of the target's classes.
        decoder: name of the decoder.
        size: size of the images or patches in training.
        geometry: further settings to prepare images or volumes.

    Returns:
        The reason why plain timm cannot load the encoder; empty if it can.
    """
    data = {**backbone.data_config, "crop_pct": 1.0, "crop_mode": "squash"}
    data["input_size"] = (data["input_size"][0], *size)
    trained = network.backbone.state_dict()
    makes_timm = source_of(backbone.entry).makes_timm
    encoder = plain_network(backbone, trained, 0) if makes_timm else None
    described = {
        "classes": list(classes),
        "decoder": decoder,
        "size": list(size),
        **geometry,
        "mean": list(data["mean"]),
        "std": list(data["std"]),
        "channels": data["input_size"][0],
        "factory": _factory(backbone.entry),
        "ac_norm": _holds_ac_norm(network.backbone),
    }
    write_whole(folder / SEGMENTER, json_text(described))
    write_whole(folder / DECODER, save(plain_tensors(network.head)))
    if encoder is not None:
        write_whole(folder / "config.json", timm_config(encoder, backbone.entry, data, ()))
    # the encoder last: where it is, the rest is
    write_whole(folder / WEIGHTS, save(plain_tensors(network.backbone)))
    return "" if encoder is not None else "the encoder is not a timm network"


def _factory(entry: ZooEntry) -> dict[str, Any] | None:
    """Describe the factory that makes the encoder again; None for a timm network."""
    if source_of(entry).makes_timm:
        return None
    makers = {"name", "source", "factory", "kwargs", "classifier"}
    kept = entry.model_dump(mode="json", include=makers)
    return {**kept, "base": str(entry.base.absolute())}


def _holds_ac_norm(module: nn.Module) -> bool:
    return any(isinstance(layer, AffineCoNorm) for layer in module.modules())
