"""Identify a candidate so exactly that no other network can be taken for it."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from acrank.utils.source_code import digest, import_closure
from acrank.zoo.entries import ZooEntry
from acrank.zoo.hub.client import Hub
from acrank.zoo.loading import Backbone
from acrank.zoo.sources.registry import SOURCES, source_of

Identity = dict[str, Any]

# What a zoo file may say of a model without any effect on its numbers.
WORDS = {"tags", "note"}
# Their modules' code is told by their versions.
_LIBRARIES = ("torch", "torchvision", "timm", "acrank")


def identify(entry: ZooEntry, hub: Hub) -> Identity | None:
    """Identify a candidate by its description and its files; nothing is loaded.

    Args:
        entry: the candidate.
        hub: says which commit a revision stands for; asks the network if its cache cannot tell.

    Returns:
        The entry, its weights (commit, or SHA-256 of the file) and where its preprocessing comes
        from; None where only the loaded network can tell: for a ``factory``, for weights that are
        still to be downloaded by URL, and where the source does not say.

    Raises:
        ModelError: the weights cannot be found.
    """
    told = source_of(entry).identity(entry, hub)
    return told and {**_said(entry), **told}


def identify_loaded(backbone: Backbone) -> Identity:
    """Identify a loaded network by its description, its numbers and its code.

    Args:
        backbone: not probed yet.
    """
    return {
        **_said(backbone.entry),
        "weights": {"state": _state_digest(backbone.model, backbone.head)},
        "code": _code_digest(backbone.entry, backbone.model),
        "preprocessing": json.loads(json.dumps(backbone.data_config, default=str)),
    }


def _said(entry: ZooEntry) -> Identity:
    """Return the entry's fields, and the package of its source where that is not acrank."""
    brought = SOURCES.origin(source_of(entry).name)
    said = {"entry": entry.model_dump(mode="json", exclude=WORDS)}
    return {**said, "plugin": brought} if brought else said


def _state_digest(*modules: nn.Module | None) -> str:
    total = hashlib.sha256()
    for module in modules:
        for name, value in (module.state_dict() if module is not None else {}).items():
            total.update(f"{name}\0{value.dtype}\0{tuple(value.shape)}\0".encode())
            flat = value.detach().cpu().contiguous().reshape(-1)
            total.update(flat.view(torch.uint8).numpy())
    return total.hexdigest()


def _code_digest(entry: ZooEntry, model: nn.Module) -> str:
    """Hash the network's structure, and its code outside libraries, which may change unseen."""
    names = {type(module).__module__ for module in model.modules()}
    names |= source_of(entry).code_modules(entry)
    total = hashlib.sha256("\0".join([repr(model), *sorted(names)]).encode())
    starts: dict[tuple[Path, str | None], list[Path]] = {}
    for name in sorted(names):
        package = name.partition(".")[0]
        path = _source(name)
        if package in _LIBRARIES or path is None:
            continue
        near = path.is_relative_to(entry.base)
        root = entry.base if near else path.parents[name.count(".") + (path.stem == "__init__")]
        # modules of one package import much the same files
        starts.setdefault((root, None if near else package), []).append(path)
    for (root, within), paths in starts.items():
        total.update(digest(import_closure(paths, root, within), root).encode())
    return total.hexdigest()


def _source(module: str) -> Path | None:
    try:
        return Path(inspect.getfile(sys.modules[module]))
    except (KeyError, TypeError):  # built in, or made on the fly: its repr must do
        return None
