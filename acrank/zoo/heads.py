"""From a classifier to a feature extractor."""

from typing import Any

import torch
from torch import nn

from acrank.errors import ModelError

_USUAL_HEADS = ("fc", "classifier", "head", "linear")


def remove_head(model: nn.Module, classifier: str | None) -> None:
    """Make a network return pooled features (N, D) in place of class scores.

    Args:
        model: changed in place.
        classifier: name of its head; without one timm's interface, then the usual names are tried.

    Raises:
        ModelError: there is no module of that name.
    """
    reset: Any = getattr(model, "reset_classifier", None)
    if classifier:
        _replace(model, classifier)
    elif callable(reset):
        reset(0)
    else:
        usual = (name for name in _USUAL_HEADS if _is_head(getattr(model, name, None)))
        for name in list(usual)[:1]:
            setattr(model, name, nn.Identity())
    model.register_forward_hook(_pool)


def _replace(model: nn.Module, name: str) -> None:
    parent_name, _, child = name.rpartition(".")
    try:
        model.get_submodule(name)
    except AttributeError as error:
        top = ", ".join(key for key, _ in model.named_children())
        hint = f"Its modules are: {top}."
        raise ModelError(f"The network has no classifier called {name!r}.", hint=hint) from error
    setattr(model.get_submodule(parent_name), child, nn.Identity())


def _is_head(module: object) -> bool:
    if isinstance(module, nn.Sequential) and len(module):
        module = module[-1]
    return isinstance(module, nn.Linear)


def _pool(module: nn.Module, args: object, output: object) -> object:
    """Average a feature map over its positions; a hook keeps the network's module names."""
    if isinstance(output, torch.Tensor) and output.ndim == 4:
        return output.mean(dim=(2, 3))
    return output
