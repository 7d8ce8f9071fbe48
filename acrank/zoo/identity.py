"""What a candidate is, told so exactly that no other network can be taken for it."""

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
from acrank.zoo.checkpoints import check_file, file_sha256
from acrank.zoo.describe import url_weights
from acrank.zoo.entries import HUB_PREFIX, LOCAL_PREFIX, ZooEntry
from acrank.zoo.hub import Hub
from acrank.zoo.loading import Backbone
from acrank.zoo.names import pretrained_cfg
from acrank.zoo.sources import hub_files, local_weights

Identity = dict[str, Any]

# What a zoo file may say of a model without any effect on its numbers.
WORDS = {"tags", "note"}
# Their modules' code is told by their versions.
_LIBRARIES = ("torch", "torchvision", "timm", "acrank")


def identify(entry: ZooEntry, hub: Hub) -> Identity | None:
    """What tells a candidate apart, from its description and its files: nothing is loaded.

    Args:
        entry: the candidate.
        hub: says which commit a revision stands for; asks the network if its cache cannot tell.

    Returns:
        The entry, its weights (commit, or SHA-256 of the file) and where its preprocessing comes
        from; None where only the loaded network can tell: for a ``factory``, and for weights
        that are downloaded by URL.

    Raises:
        ModelError: the weights cannot be found.
    """
    if entry.factory:
        return None
    weights = _weights(entry, hub)
    return weights and {
        "entry": entry.model_dump(mode="json", exclude=WORDS),
        "weights": weights,
        "preprocessing": _preprocessing(entry, weights),
    }


def identify_loaded(backbone: Backbone) -> Identity:
    """What tells a loaded network apart: its description, its numbers and its code.

    Args:
        backbone: not probed yet.
    """
    return {
        "entry": backbone.entry.model_dump(mode="json", exclude=WORDS),
        "weights": {"state": _state_digest(backbone.model, backbone.head)},
        "code": _code_digest(backbone.entry, backbone.model),
        "preprocessing": json.loads(json.dumps(backbone.data_config, default=str)),
    }


def _weights(entry: ZooEntry, hub: Hub) -> dict[str, Any] | None:
    files = hub_files(entry)
    if files is not None:
        commit = hub.resolve(files.repo_id, files.revision)
        return {"repo": files.repo_id, "revision": commit, "files": list(files.weights)}
    path = local_weights(entry)
    if path is None:
        path = url_weights(entry)
        return {"sha256": file_sha256(path)} if path.is_file() else None
    check_file(path, None)
    return {"sha256": file_sha256(path), "revision": None, "config": _config_digest(entry, path)}


def _config_digest(entry: ZooEntry, weights: Path) -> str | None:
    """Of the folder's description of its network, for ``local-dir``."""
    config = weights.parent / "config.json"
    local = str(entry.reference).startswith(LOCAL_PREFIX)
    return file_sha256(config) if local and config.is_file() else None


def _preprocessing(entry: ZooEntry, weights: dict[str, Any]) -> dict[str, Any]:
    """Timm's description of the images, or the file that has it; the entry's own is in the entry.

    On the hub the commit stands for the file.
    """
    reference = entry.reference or ""
    if reference.startswith((HUB_PREFIX, LOCAL_PREFIX)):
        return {"config": weights.get("config") or weights["revision"]}
    cfg = pretrained_cfg(reference) if reference else None
    return {} if cfg is None else json.loads(json.dumps(cfg.to_dict(), default=str))


def _state_digest(*modules: nn.Module | None) -> str:
    total = hashlib.sha256()
    for module in modules:
        for name, value in (module.state_dict() if module is not None else {}).items():
            total.update(f"{name}\0{value.dtype}\0{tuple(value.shape)}\0".encode())
            flat = value.detach().cpu().contiguous().reshape(-1)
            total.update(flat.view(torch.uint8).numpy())
    return total.hexdigest()


def _code_digest(entry: ZooEntry, model: nn.Module) -> str:
    """Of the network's structure, and of the code that is no library's: it may change unseen."""
    names = {type(module).__module__ for module in model.modules()}
    names.add(str(entry.factory).partition(":")[0])
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
