"""Choose the precision of single layers: bf16 is not faster everywhere.

oneDNN has no fast gradient, in bf16, of a depthwise convolution with a stride: measured on a Xeon
with AMX it takes 5 to 70 times as long as in fp32, and a handful of such layers took half of the
step of a MobileNet. Other convolutions, grouped ones among them, are faster in bf16.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd


@contextmanager
def slow_gradients_in_fp32(model: nn.Module, autocast: torch.dtype | None) -> Iterator[None]:
    """Run convolutions whose bf16 gradient is slow in fp32 within the block, on a CPU.

    What they give has the dtype of autocast, as before; it was computed in more digits.

    Args:
        model: the network.
        autocast: dtype of its arithmetic; None for that of its weights: nothing is changed then.
    """
    found = [layer for layer in model.modules() if _is_slow(layer)] if autocast else []
    for layer in found:
        layer.__dict__["forward"] = partial(_in_fp32, layer)
    try:
        yield
    finally:
        for layer in found:
            del layer.__dict__["forward"]


def _is_slow(layer: nn.Module) -> bool:
    """Return whether a layer is a depthwise convolution with a stride."""
    if not isinstance(layer, _ConvNd) or layer.transposed or "forward" in layer.__dict__:
        return False
    weight = layer._parameters.get("weight")
    on_cpu = weight is not None and weight.device.type == "cpu"
    return on_cpu and layer.groups == layer.in_channels > 1 and max(layer.stride) > 1


def _in_fp32(layer: nn.Module, given: Tensor) -> Tensor:
    """Run a layer's own forward without autocast, where there is autocast."""
    forward = partial(type(layer).forward, layer)
    if not torch.is_autocast_enabled(given.device.type):
        plain: Tensor = forward(given)
        return plain
    kind = torch.get_autocast_dtype(given.device.type)
    with torch.autocast(given.device.type, enabled=False):
        precise: Tensor = forward(given.float())
    return precise.to(kind)
