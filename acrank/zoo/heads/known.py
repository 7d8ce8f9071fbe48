"""Turn a classifier whose head is known by name into a feature extractor."""

from typing import Any

import torch
from torch import nn

from acrank.errors import ModelError
from acrank.tasks.maps import Maps
from acrank.utils.fresh import is_fresh, mark_fresh
from acrank.utils.outputs import output_for_features

_USUAL_HEADS = ("fc", "classifier", "head", "linear")
_HALVES = (torch.float16, torch.bfloat16)


def mark_fresh_head(model: nn.Module) -> None:
    """Mark the head of a network that timm loaded as fresh, if the weights have other classes.

    timm draws such a head at random.
    """
    known: Any = getattr(model, "pretrained_cfg", None) or {}
    head = find_head(model, None)
    own = getattr(model, "num_classes", None)
    if head is not None and known.get("num_classes", own) != own:
        for module in head.modules():
            mark_fresh(module)


def source_head(model: nn.Module, classifier: str | None) -> nn.Module | None:
    """The classifier over the source's classes, from features (N, D) to logits (N, K).

    Call it before :func:`remove_head`, which leaves it unchanged.

    Args:
        model: the whole network.
        classifier: name of its head, as for :func:`remove_head`.

    Returns:
        A linear layer or a stack that ends in one; None where the network has none (weights
        without a head, or a checkpoint that does not fill it) or more than one.
    """
    found = find_head(model, classifier)
    if found is not None and any(map(is_fresh, found.modules())):
        return None
    if isinstance(found, nn.Conv2d) and found.kernel_size == (1, 1) and found.groups == 1:
        found = _as_linear(found)
    return found if _is_head(found) else None


def find_head(model: nn.Module, classifier: str | None) -> nn.Module | None:
    """The module that gives class scores, as far as it can be told.

    Args:
        model: the whole network.
        classifier: its name; without one timm's interface, then the usual names are tried.
    """
    getter: Any = getattr(model, "get_classifier", None)
    if classifier:
        return dict(model.named_modules()).get(classifier)
    if callable(getter):
        found = getter()
        return found if isinstance(found, nn.Module) else None
    return next((m for n in _USUAL_HEADS if _is_head(m := getattr(model, n, None))), None)


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
    model.register_forward_hook(as_vectors)


def _replace(model: nn.Module, name: str) -> None:
    parent_name, _, child = name.rpartition(".")
    try:
        model.get_submodule(name)
    except AttributeError as error:
        top = ", ".join(key for key, _ in model.named_children())
        hint = f"Its modules are: {top}."
        raise ModelError(f"The network has no classifier called {name!r}.", hint=hint) from error
    setattr(model.get_submodule(parent_name), child, nn.Identity())


def _as_linear(layer: nn.Conv2d) -> nn.Linear:
    """A convolution over single pixels, as it acts on pooled features."""
    linear = nn.Linear(layer.in_channels, layer.out_channels, bias=layer.bias is not None)
    with torch.no_grad():
        linear.weight.copy_(layer.weight.flatten(1))
        if layer.bias is not None:
            linear.bias.copy_(layer.bias)
    return linear


def _is_head(module: object) -> bool:
    if isinstance(module, nn.Sequential) and len(module):
        module = module[-1]
    return isinstance(module, nn.Linear)


def as_vectors(module: nn.Module, args: object, output: object) -> object:
    """Take the main output, its maps averaged; a hook keeps the network's module names."""
    if isinstance(output, Maps):
        return output
    found, _ = output_for_features(output)
    if isinstance(found, torch.Tensor) and found.ndim == 4:
        found = found.mean(dim=(2, 3))
    if isinstance(found, torch.Tensor) and found.dtype in _HALVES:
        # of a network that halves its own output; with autocast, what follows takes care of it
        return found if torch.is_autocast_enabled(found.device.type) else found.float()
    return found
