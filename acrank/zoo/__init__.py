"""The candidate models: describing, choosing and loading them."""

from acrank.zoo.describe import EntryInfo, describe
from acrank.zoo.entries import Zoo, ZooEntry
from acrank.zoo.hub import Hub
from acrank.zoo.loading import Backbone, load_backbone
from acrank.zoo.selection import select_entries
from acrank.zoo.yaml_file import read_zoo

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
