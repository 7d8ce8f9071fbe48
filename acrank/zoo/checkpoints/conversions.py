"""Apply timm's own conversions to a checkpoint, and no others.

Each architecture of timm renames what its authors' own files call otherwise, and resizes position
embeddings; its first convolution is adapted to the channels of the images.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from timm.models import _builder, adapt_input_conv
from torch import nn

from acrank.zoo.checkpoints.compatibility import head_names
from acrank.zoo.checkpoints.reading import State, some

Filter = Callable[..., State]
_PATCHED = threading.Lock()


class Converter:
    """The conversions of one architecture.

    Args:
        filter_fn: what timm renames and resizes a checkpoint's tensors with; None if nothing.
    """

    def __init__(self, filter_fn: Filter | None = None) -> None:
        self.filter_fn = filter_fn

    def __call__(self, state: State, model: nn.Module) -> State:
        """A checkpoint's tensors as timm would load them into the network.

        Args:
            state: by the names that they have below their leading part; not changed.
            model: the network, as timm made it.

        Returns:
            Other tensors, or the same where timm has nothing to convert or fails at it.
        """
        converted: dict[str, torch.Tensor] = dict(state)
        if self.filter_fn is not None:
            try:
                converted = _filtered(self.filter_fn, converted, model)
            except Exception:  # written for its own files: of others it makes nothing of sense
                converted = dict(state)
        _adapt_first(converted, model)
        _drop_background(converted, model)
        return converted


def converted_said(before: State, after: State) -> str:
    """Say in words what a conversion changed; empty if nothing."""
    said = []
    names = after.keys() - before.keys()
    if names:
        said.append(f"{len(names)} of {len(after)} tensors renamed")
    if len(after) < len(before):
        said.append(f"{len(before) - len(after)} tensor(s) left out")
    for name in sorted(after.keys() & before.keys()):
        old, new = before[name].shape, after[name].shape
        if old != new:
            said.append(f"{name} of {_shape(old)} made {_shape(new)}")
    return f"{some(said)}, as timm does" if said else ""


@contextmanager
def watched_build() -> Iterator[list[Filter | None]]:
    """Have timm build with ``pretrained=True`` without loading the weights.

    Yields:
        Filled with what timm would have converted a checkpoint with. timm hands this to its
        loader alone, as an argument; so the loader is stood in for, in this thread.
    """
    found: list[Filter | None] = []
    with _PATCHED:
        original: Any = _builder.load_pretrained
        owner = threading.get_ident()

        def note(model: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != owner:
                return original(model, *args, **kwargs)
            found.append(kwargs.get("filter_fn"))
            return None

        _builder.load_pretrained = note
        try:
            yield found
        finally:
            _builder.load_pretrained = original


def _filtered(filter_fn: Filter, state: State, model: nn.Module) -> dict[str, torch.Tensor]:
    try:
        found = filter_fn(dict(state), model)
    except TypeError:  # some of timm's take one argument, and it tries both in this order
        found = filter_fn(dict(state))
    return {name: value for name, value in found.items() if isinstance(value, torch.Tensor)}


def _adapt_first(state: dict[str, torch.Tensor], model: nn.Module) -> None:
    """Fold or spread the channels of a first convolution, as timm does, where alone they differ."""
    cfg: dict[str, Any] = getattr(model, "pretrained_cfg", None) or {}
    for name in head_names(cfg.get("first_conv")):
        weight = state.get(f"{name}.weight")
        layer = dict(model.named_modules()).get(name)
        if weight is None or not isinstance(layer, nn.Conv2d) or weight.ndim != 4:
            continue
        wanted = layer.weight.shape
        same = (weight.shape[0], *weight.shape[2:]) == (wanted[0], *wanted[2:])
        channels = getattr(model, "in_chans", None) or wanted[1]
        # a stem that moves pixels to channels takes several of them for each of the image's
        each = max(1, layer.in_channels // channels)
        source = weight.shape[1] * layer.groups // each
        if not same or {source, channels} != {1, 3}:  # timm would drop channels beyond three
            continue
        try:
            state[f"{name}.weight"] = adapt_input_conv(channels, weight, base_chans=source)
        except (NotImplementedError, AssertionError, RuntimeError):
            continue  # the misfit is said by name


def _drop_background(state: dict[str, torch.Tensor], model: nn.Module) -> None:
    """Take off a class of the background that some sources have before the others."""
    cfg: dict[str, Any] = getattr(model, "pretrained_cfg", None) or {}
    offset, classes = int(cfg.get("label_offset") or 0), int(cfg.get("num_classes") or 0)
    if not offset or getattr(model, "num_classes", None) != classes:
        return
    for name in head_names(cfg.get("classifier")):
        for key in (f"{name}.weight", f"{name}.bias"):
            value = state.get(key)
            if value is not None and value.ndim and len(value) == classes + offset:
                state[key] = value[offset:]


def _shape(shape: torch.Size) -> str:
    return "x".join(map(str, shape))
