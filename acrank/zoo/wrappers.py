"""Take off what is put around networks to run them: data parallelism, compilers, averaging."""

from __future__ import annotations

from typing import Any

import torch
from timm.utils.model_ema import ModelEmaV2, ModelEmaV3
from torch import Tensor, nn
from torch._dynamo import OptimizedModule
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

# The attribute that has the network, by the class around it.
_AROUND: dict[type[nn.Module], str] = {
    OptimizedModule: "_orig_mod",
    DataParallel: "module",
    DistributedDataParallel: "module",
    AveragedModel: "module",
    ModelEmaV2: "module",
    ModelEmaV3: "module",
}


def unwrapped(model: nn.Module) -> nn.Module:
    """The network itself, which gives the same output without its wrappers.

    Args:
        model: wrapped any number of times, or not at all.
    """
    while (name := _attribute(model)) is not None:
        model = model._modules[name]  # type: ignore[assignment]
    return model


class Scripted(nn.Module):
    """A module that PyTorch has compiled to TorchScript, which takes no hooks itself."""

    def __init__(self, script: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.script = script

    def forward(self, images: Tensor) -> Any:
        """Return what the script gives."""
        return self.script(images)


def with_hooks(model: nn.Module) -> nn.Module:
    """A network that takes hooks: itself, or what a compiled one is wrapped in."""
    return Scripted(model) if isinstance(model, torch.jit.ScriptModule) else model


def unwrap_parts(model: nn.Module) -> None:
    """Take the wrappers off all parts of a network, in place.

    Args:
        model: itself not wrapped; the names of its wrapped parts' tensors become shorter.
    """
    for module in list(model.modules()):
        module._compiled_call_impl = None  # of Module.compile(), which wraps in place
        for name, child in list(module._modules.items()):
            if child is not None and _attribute(child):
                module._modules[name] = unwrapped(child)


def _attribute(model: nn.Module) -> str | None:
    return next((name for kind, name in _AROUND.items() if isinstance(model, kind)), None)
