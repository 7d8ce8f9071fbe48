"""Describe, choose and load the candidate models.

Names are imported when they are first used: the command line asks for help texts of the sources
without loading timm.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acrank.zoo.description import EntryInfo, describe
    from acrank.zoo.entries import Zoo, ZooEntry
    from acrank.zoo.files.reading import read_zoo
    from acrank.zoo.hub.client import Hub
    from acrank.zoo.loading import Backbone, load_backbone
    from acrank.zoo.selection import select_entries

_HOMES = {
    "Backbone": "loading",
    "EntryInfo": "description",
    "Hub": "hub.client",
    "Zoo": "entries",
    "ZooEntry": "entries",
    "describe": "description",
    "load_backbone": "loading",
    "read_zoo": "files.reading",
    "select_entries": "selection",
}

__all__ = [
    "Backbone",
    "EntryInfo",
    "Hub",
    "Zoo",
    "ZooEntry",
    "describe",
    "load_backbone",
    "read_zoo",
    "select_entries",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"acrank.zoo.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'acrank.zoo' has no attribute {name!r}")
