"""Write a trained network as a folder that timm loads by itself."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import save
from timm.models._hub import save_config_for_hf
from torch import Tensor, nn

from acrank.finetuning.network import Network
from acrank.utils.files import write_whole
from acrank.zoo import Backbone, ZooEntry
from acrank.zoo.heads.removal import find_head_name
from acrank.zoo.sources.registry import source_of

WEIGHTS = "model.safetensors"
# Written on demand, see acrank.finetuning.onnx.
ONNX = "model.onnx"


def whole_network(backbone: Backbone, network: Network, classes: int) -> nn.Module | None:
    """Build the plain network of the model's source with the trained weights and head.

    Args:
        backbone: backbone that the trained network was built from.
        network: trained network on the CPU, with plain BatchNorm.
        classes: number of classes K.

    Returns:
        The network in inference mode; None where the source cannot build it for other classes, or
        its classifier is no single layer.
    """
    trained, head = network.backbone.state_dict(), cast(nn.Linear, network.head)
    model = plain_network(backbone, trained, classes, head)
    if model is None or source_of(backbone.entry).makes_timm:
        return model
    return model if _agree(model, network.eval(), backbone.data_config["input_size"]) else None


def _agree(model: nn.Module, network: Network, input_size: Sequence[int]) -> bool:
    """Compare the logits of two networks; some have an activation behind their head."""
    images = torch.rand(2, *input_size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return torch.allclose(model(images), network(images), rtol=1e-3, atol=1e-4)


def plain_network(
    backbone: Backbone,
    trained: Mapping[str, Tensor],
    classes: int,
    head: nn.Linear | None = None,
) -> nn.Module | None:
    """Build the plain network of a model's source with trained weights; None if it builds none.

    Args:
        backbone: backbone that the trained network was built from.
        trained: weights of the backbone, without its classifier.
        classes: number of classes K; 0 for no classifier.
        head: the trained classifier; None for no classifier.
    """
    entry = backbone.entry
    model = source_of(entry).rebuilt(entry, classes)
    if model is None:
        return None
    weights, trained = dict(model.state_dict()), dict(trained)
    if head is not None:
        layer = _classifier_name(model, entry, backbone.data_config["input_size"])
        if layer is None:
            return None
        for key, value in ((f"{layer}.weight", head.weight), (f"{layer}.bias", head.bias)):
            trained[key] = value.detach().reshape(weights[key].shape)
    if trained.keys() != weights.keys():
        return None
    model.load_state_dict(trained)
    return model.eval()


def save_network(
    folder: Path, backbone: Backbone, network: Network, class_names: Sequence[str]
) -> str:
    """Write the weights, and what timm needs to load them with ``local-dir:``.

    Args:
        folder: folder that exists.
        backbone: backbone that the trained network was built from.
        network: trained network.
        class_names: names of the target's classes.

    Returns:
        Why plain timm cannot load the folder, and what can; empty if timm can.
    """
    model, source = whole_network(backbone, network, len(class_names)), source_of(backbone.entry)
    if model is None:
        write_whole(folder / WEIGHTS, save(plain_tensors(network)))
        return "the weights are those of the network with its new head, not of a timm network"
    if not source.makes_timm:
        write_whole(folder / WEIGHTS, save(plain_tensors(model)))
        made = source.reload(backbone.entry, len(class_names))
        return f"the weights are those of {made}, not of a timm network"
    # the weights last: where they are, the rest is
    config = timm_config(model, backbone.entry, backbone.data_config, class_names)
    write_whole(folder / "config.json", config)
    write_whole(folder / WEIGHTS, save(plain_tensors(model)))
    return ""


def timm_config(
    model: nn.Module, entry: ZooEntry, data: Mapping[str, Any], class_names: Sequence[str]
) -> bytes:
    """Make the ``config.json`` that timm writes beside weights for its hub.

    Args:
        model: network of timm.
        entry: zoo entry of the network.
        data: preparation of images, in timm's form.
        class_names: classes of its classifier; empty for no classifier.
    """
    labels = {"label_names": list(class_names)} if class_names else {}
    with tempfile.TemporaryDirectory(prefix="acrank-") as scratch:
        file = Path(scratch, "config.json")
        save_config_for_hf(
            model,
            str(file),
            model_config={"num_classes": len(class_names), **labels},
            model_args=_arguments(entry),
            data_config={k: v for k, v in data.items() if k in _DATA},
        )
        return file.read_bytes()


_DATA = ("input_size", "interpolation", "mean", "std", "crop_pct", "crop_mode")


def _classifier_name(model: nn.Module, entry: ZooEntry, size: Sequence[int]) -> str | None:
    """Find the name of the layer that gives the logits."""
    getter: Any = getattr(model, "get_classifier", None)
    found = getter() if callable(getter) else None
    names = [name for name, module in model.named_modules() if module is found]
    if entry.classifier:
        names = [entry.classifier]
    elif not callable(getter):
        names = [*filter(None, [find_head_name(model, size)])]
    if not names:
        return None
    layer = model.get_submodule(names[0])
    weight = getattr(layer, "weight", None)
    return names[0] if isinstance(weight, Tensor) and layer.bias is not None else None


def _arguments(entry: ZooEntry) -> dict[str, Any]:
    # the classes are the target's now, whatever the entry asked for
    arguments = {key: value for key, value in entry.kwargs.items() if key != "num_classes"}
    if "img_size" in arguments and entry.image_size:
        arguments["img_size"] = [entry.image_size] * 2
    if entry.in_chans:
        arguments["in_chans"] = entry.in_chans
    return arguments


def plain_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return a copy of the state without shared storage, which safetensors refuses."""
    with torch.no_grad():
        return {k: v.detach().cpu().clone().contiguous() for k, v in module.state_dict().items()}
