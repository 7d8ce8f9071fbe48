"""Have timm build networks, from an architecture's name or from a folder that describes one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import load_model_config_from_hf
from torch import nn
from torch.overrides import TorchFunctionMode

from acrank.errors import ModelError
from acrank.utils.visible import brief
from acrank.zoo.bounds import BoundedBuild, check_config
from acrank.zoo.checkpoints.conversions import Converter, watched_build
from acrank.zoo.entries import ZooEntry
from acrank.zoo.hub.repository import HUB_PREFIX

# Arguments of timm.create_model by which weights would come in past every check.
REFUSED_KWARGS = (
    "checkpoint_path",
    "pretrained",
    "pretrained_cfg",
    "pretrained_cfg_overlay",
    "cache_dir",
)


def without_storage(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network with a function, on the meta device as far as that will do."""
    for mode in (torch.device("meta"), _ParametersOnMeta()):
        try:
            with mode:
                return build()
        except Exception:  # code that looks at its numbers while building
            continue
    return build()


class _ParametersOnMeta(TorchFunctionMode):
    """Makes on the meta device what layers make their parameters with, and only that.

    Some networks reckon their widths with small tensors, which have to have numbers.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call a function of PyTorch."""
        options = dict(kwargs or {})
        if func is torch.empty:
            options["device"] = "meta"
        return func(*args, **options)


def outlined(entry: ZooEntry, what: str | Path) -> tuple[nn.Module, Converter]:
    """A network of timm without numbers, and how timm would convert a checkpoint for it.

    Raises:
        ModelError: timm cannot make it as the entry says.
    """
    with watched_build() as filters:
        bare = without_storage(lambda: create(entry, what, pretrained=True))
    return bare, Converter(filters[-1] if filters else None)


def create(
    entry: ZooEntry, what: str | Path, *, most: int | None = None, **options: Any
) -> nn.Module:
    """Have timm make a network, with the entry's arguments.

    Args:
        entry: whose ``kwargs`` it takes.
        what: timm's name of it, or a folder with the ``config.json`` that describes it.
        most: bytes that it may take; the machine's memory if None.
        options: further arguments, which win.

    Raises:
        ModelError: timm cannot, with those arguments.
    """
    kwargs = {"in_chans": entry.in_chans, **entry.kwargs, **options}
    folder = what if isinstance(what, Path) else None
    name = f"local-dir:{what}" if folder else str(what)
    try:
        if folder:
            check_config(folder / "config.json")
        if entry.sides and _has_one_size(name, folder):
            kwargs["img_size"] = entry.sides
        with BoundedBuild(most):
            model: nn.Module = timm.create_model(name, **kwargs)
    except Exception as error:  # any of timm's architectures may raise anything
        own = error if isinstance(error, ModelError) else None
        said = own.message if own else " ".join(str(error).split()) or type(error).__name__
        given = f" with {brief(entry.kwargs)}" if entry.kwargs else ""
        message = f"timm cannot build {entry.readable_source}{given}: {brief(said, 300)}"
        raise ModelError(message, hint=own.hint if own else "Check the entry's fields.") from error
    return model


def _has_one_size(name: str, folder: Path | None) -> bool:
    """Tell whether a network is built for images of one size, which timm has to be told."""
    if folder:
        described = json.loads((folder / "config.json").read_bytes())
    elif name.startswith(HUB_PREFIX):
        cfg, architecture, _ = load_model_config_from_hf(name.removeprefix(HUB_PREFIX))
        described = {"pretrained_cfg": cfg, "architecture": architecture}
    else:
        described = {"architecture": name}
    # the oldest descriptions have all in one place
    told = (described.get("pretrained_cfg") or described).get("fixed_input_size")
    usual = timm.models.get_pretrained_cfg(str(described.get("architecture")))
    return bool(getattr(usual, "fixed_input_size", False) if told is None else told)


def has_other_classes(entry: ZooEntry, model: nn.Module) -> bool:
    """Tell whether a network of timm was asked for with other classes than its weights have."""
    if "num_classes" in entry.kwargs:
        return True
    cfg: dict[str, Any] = getattr(model, "pretrained_cfg", None) or {}
    return bool(getattr(model, "num_classes", None) != cfg.get("num_classes"))
