"""From a classifier's trunk to a pyramid of feature maps, one a scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from acrank.errors import ModelError

# Pixels of the image that a pixel of the coarsest map stands for, at most.
COARSEST = 32


def give_maps(model: nn.Module, input_size: Sequence[int]) -> tuple[str, ...]:
    """Make a network return its feature maps, finest first, in place of pooled features.

    The last map at every scale that halves the one before: of the layers that timm names where
    it names some, or else of whichever module ends last at that scale.

    Args:
        model: maps images (N, C, H, W) to anything; a hook is added.
        input_size: (channels, height, width) of an image; the sides are multiples of 32.

    Returns:
        The names of the modules whose outputs the maps are.

    Raises:
        ModelError: the network has fewer than two scales.
    """
    scales = _scales(model, torch.zeros(1, *input_size), _timm_layers(model))
    names = tuple(scales[stride] for stride in sorted(scales))
    if len(names) < 2:
        raise ModelError(
            f"it has feature maps of {len(names)} scale(s), and a decoder needs two or more.",
            hint="Plain vision transformers have one scale. Leave it out.",
        )
    channels_last = getattr(model, "output_fmt", "NCHW") == "NHWC"
    caught: list[Tensor] = []

    def catch(module: nn.Module, args: object, output: Tensor) -> None:
        caught.append(output.permute(0, 3, 1, 2) if channels_last else output)

    def arm(module: nn.Module, args: object) -> None:
        caught.clear()
        # Layers are looked up anew: AC-Norm may have taken the place of a BatchNorm layer.
        armed[:] = [module.get_submodule(n).register_forward_hook(catch) for n in names]

    def give(module: nn.Module, args: object, output: object) -> tuple[Tensor, ...]:
        for handle in armed:
            handle.remove()
        maps = tuple(caught)
        caught.clear()
        return maps

    armed: list[Any] = []
    model.register_forward_pre_hook(arm)
    model.register_forward_hook(give)
    return names


def _timm_layers(model: nn.Module) -> set[str]:
    """The layers that timm takes feature maps from; none for other networks."""
    info = getattr(model, "feature_info", None)
    entries = getattr(info, "info", info)
    if not isinstance(entries, list | tuple):
        return set()
    named = {entry.get("module", "") for entry in entries if isinstance(entry, dict)}
    return named & {name for name, _ in model.named_modules()}


@torch.no_grad()
def _scales(model: nn.Module, example: Tensor, among: set[str]) -> dict[int, str]:
    """By stride, the module that ends last with a map of that scale."""
    size = tuple(example.shape[2:])
    channels_last = getattr(model, "output_fmt", "NCHW") == "NHWC"
    found: dict[int, str] = {}

    def look(name: str) -> Any:
        def hook(module: nn.Module, args: object, output: object) -> None:
            stride = _stride(output, size, channels_last)
            if stride:
                found[stride] = name

        return hook

    handles = [
        module.register_forward_hook(look(name))
        for name, module in model.named_modules()
        if name and (not among or name in among)
    ]
    mode = model.training
    try:
        model.eval()(example.to(next(model.parameters())))
    finally:
        model.train(mode)
        for handle in handles:
            handle.remove()
    return found


def _stride(output: object, size: Sequence[int], channels_last: bool) -> int:
    """Pixels of the image for one of the map, the same both ways and a power of two; else 0."""
    if not isinstance(output, Tensor) or output.ndim != len(size) + 2:
        return 0
    sides = output.shape[1:-1] if channels_last else output.shape[2:]
    ratios = {
        whole // part if whole % part == 0 else 0 for whole, part in zip(size, sides, strict=True)
    }
    stride = ratios.pop() if len(ratios) == 1 else 0
    return stride if 0 < stride <= COARSEST and stride & (stride - 1) == 0 else 0
