"""Describe a model without its weights: size, norm layers, input, licence and origin."""

from collections import Counter
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from acrank.norm.types import KINDS, NORM_NAMES
from acrank.norm.usable import norm_kind, usable_norms
from acrank.zoo.data_config import data_config
from acrank.zoo.entries import ZooEntry
from acrank.zoo.hub.client import Hub
from acrank.zoo.sources.base import Opening
from acrank.zoo.sources.registry import source_of, weights_of


@dataclass(frozen=True)
class EntryInfo:
    """A model's size, norm layers, input and origin.

    Attributes:
        name: the entry's name.
        source: where the network comes from, readable.
        params: parameters of the network with its head; 0 if not known yet.
        norm_layers: BatchNorm layers with a scale and a shift.
        norm_channels: channels of those layers.
        input_size: (channels, height, width), of volumes four numbers; zeros if not known yet.
        license: licence of the weights.
        tags: the entry's tags.
        revision: commit of the hub, or ``sha256:`` and twelve digits for a local file.
        cached: whether the weights are on this machine.
        norms: affine norm layers of every kind, such as ``25 LayerNorm``; empty if not known yet.
    """

    name: str
    source: str
    params: int
    norm_layers: int
    norm_channels: int
    input_size: tuple[int, ...]
    license: str | None
    tags: tuple[str, ...]
    revision: str | None
    cached: bool
    norms: str = ""


def describe(entry: ZooEntry, *, trust_code: bool = False, hub: Hub | None = None) -> EntryInfo:
    """Describe a model from its structure alone: no weights are loaded, no request is made.

    Args:
        entry: the model.
        trust_code: whether a ``factory`` may run; without it such a model's size is not known.
        hub: whose local cache to look into.

    Raises:
        ModelError: the structure cannot be built as the entry says.
    """
    opening = Opening(hub or Hub(offline=True), trust_code)
    revision, cached = on_this_machine(entry, opening.hub)
    model = source_of(entry).structure(entry, opening)
    return entry_info(entry, model, revision=revision, cached=cached)


def entry_info(
    entry: ZooEntry, model: nn.Module | None, *, revision: str | None, cached: bool
) -> EntryInfo:
    """Describe a model that has been built, its head still on."""
    norms = affine_norms(model) if model is not None else []
    size = data_config(entry, model)["input_size"] if model is not None else entry.input_size
    return EntryInfo(
        name=entry.name,
        source=entry.readable_source,
        params=sum(p.numel() for p in model.parameters()) if model is not None else 0,
        norm_layers=len(norms),
        norm_channels=sum(norm.num_features for norm in norms),
        input_size=size or (0, 0, 0),
        license=entry.license or source_of(entry).license(entry, model),
        tags=entry.tags,
        revision=revision,
        cached=cached,
        norms=_norms_text(model) if model is not None else "",
    )


def _norms_text(model: nn.Module) -> str:
    kinds = Counter(norm_kind(layer) for layer in usable_norms(model, KINDS).values())
    return ", ".join(f"{kinds[kind]} {NORM_NAMES[kind]}" for kind in KINDS if kinds[kind])


def affine_norms(model: nn.Module) -> list[_BatchNorm]:
    """The BatchNorm layers that have a scale and a shift."""
    return [m for m in model.modules() if isinstance(m, _BatchNorm) and m.affine]


def on_this_machine(entry: ZooEntry, hub: Hub) -> tuple[str | None, bool]:
    """The revision of the weights that are here, and whether they are.

    A source that brings its own weights always has them here.
    """
    weights = weights_of(entry)
    if weights is None:
        return None, True
    found = weights.here(hub)
    return (found.revision, True) if found else (None, False)
