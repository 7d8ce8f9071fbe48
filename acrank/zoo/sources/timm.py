"""Load networks of timm's registry with the weights that timm knows for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import timm
from timm.models import get_pretrained_cfg
from torch import nn

from acrank.errors import ZooError
from acrank.utils.nearest import has_wildcard, nearest
from acrank.zoo.checkpoints.reading import State, refuse_unsafe_pickle
from acrank.zoo.entries import ZooEntry
from acrank.zoo.heads.known import mark_fresh_head
from acrank.zoo.hub.client import Hub
from acrank.zoo.hub.repository import HubFiles, split_repo
from acrank.zoo.sources.base import Loaded, Opening, Source
from acrank.zoo.timm_build import REFUSED_KWARGS, create, has_other_classes, without_storage
from acrank.zoo.weights import ByUrl, OnHub, Weights


class TimmSource(Source):
    """A timm name such as ``resnet50.a1_in1k``; any name that no other source claims."""

    name = "timm"
    usage = ""  # no name before a colon
    place = "a timm name"
    refused_kwargs = REFUSED_KWARGS
    makes_timm = True

    def claims(self, entry: ZooEntry) -> bool:
        """Tell whether the name has no other source's form."""
        return entry.reference is not None and ":" not in entry.reference

    def check(self, entry: ZooEntry) -> None:
        """Check the name against timm's registry."""
        full_name(str(entry.reference))

    def select(self, pattern: str) -> list[str]:
        """Names with their tags; a pattern stands for every name that has weights."""
        if not has_wildcard(pattern):
            return [full_name(pattern)]
        names: list[str] = timm.list_pretrained(pattern)
        if not names:
            raise unknown_name(pattern)
        return names

    def weights(self, entry: ZooEntry) -> Weights | None:
        """The repository of the hub, or the address, that timm has for the name."""
        name = str(entry.reference)
        cfg = pretrained_cfg(name)
        if cfg is None:
            raise unknown_name(name)
        if not cfg.hf_hub_id:
            return ByUrl(str(cfg.url or ""), name)
        repo_id, revision = split_repo(cfg.hf_hub_id)
        return OnHub(HubFiles(repo_id, revision, _alternatives(cfg.hf_hub_filename)))

    def license(self, entry: ZooEntry, model: nn.Module | None) -> str | None:
        """The licence in timm's description of the weights."""
        return getattr(pretrained_cfg(str(entry.reference)), "license", None)

    def structure(
        self, entry: ZooEntry, opening: Opening, state: State | None = None
    ) -> nn.Module | None:
        """Have timm build the architecture."""
        return without_storage(lambda: create(entry, str(entry.reference), pretrained=False))

    def preprocessing(self, entry: ZooEntry, model: nn.Module | None) -> Mapping[str, Any]:
        """Return timm's registered settings, where the network itself is not there to tell them."""
        if model is not None:
            return super().preprocessing(entry, model)
        cfg = pretrained_cfg(str(entry.reference))
        return {} if cfg is None else cfg.to_dict()

    def identity(self, entry: ZooEntry, hub: Hub) -> dict[str, Any] | None:
        """The weights, and timm's description of them."""
        weights = self.weights(entry)
        told = weights.identity(hub) if weights else None
        seen = json.loads(json.dumps(self.preprocessing(entry, None), default=str))
        return told and {"weights": told, "preprocessing": seen}

    def load(self, entry: ZooEntry, opening: Opening) -> Loaded:
        """Have timm load the weights, once they are here and known to be no code."""
        weights, name = self.weights(entry), str(entry.reference)
        if weights is None:
            raise RuntimeError("timm has weights for every known name")
        found = weights.fetch(opening.hub)
        options: dict[str, Any] = {}
        if found.commit:
            refuse_unsafe_pickle(found.path)
            # given a file timm does not ask the network; "hf" marks the authors' own format
            custom = getattr(pretrained_cfg(name), "custom_load", False) == "hf"
            options["pretrained_cfg_overlay"] = {"file": str(found.path), "custom_load": custom}
        model = create(entry, name, pretrained=True, **options)
        mark_fresh_head(model)
        return Loaded(model, found.revision)

    def has_new_head(self, entry: ZooEntry, model: nn.Module) -> bool:
        """Tell whether ``kwargs`` ask for other classes."""
        return has_other_classes(entry, model)

    def rebuilt(self, entry: ZooEntry, classes: int) -> nn.Module | None:
        """Have timm build it for the classes."""
        return create(entry, str(entry.reference), pretrained=False, num_classes=classes)


def pretrained_cfg(name: str) -> Any | None:
    """Return timm's configuration of the weights of a name; None where it has none of that name."""
    try:
        cfg = get_pretrained_cfg(name)
    except RuntimeError:  # the architecture exists, the tag does not
        return None
    return cfg if cfg is not None and cfg.has_weights else None


def full_name(name: str) -> str:
    """A timm name with its tag: ``resnet18`` becomes ``resnet18.a1_in1k``.

    Raises:
        ZooError: timm has no weights of that name.
    """
    cfg = pretrained_cfg(name)
    if cfg is None:
        raise unknown_name(name)
    return f"{cfg.architecture}.{cfg.tag}" if cfg.tag else str(cfg.architecture)


def unknown_name(name: str) -> ZooError:
    """The error for a name without pretrained weights in timm, with the nearest that have some."""
    if "/" in name or ":" in name:
        from acrank.zoo.sources.registry import usages

        return ZooError(f"{name!r} is not a timm model name.", hint=f"Write {usages()}.")
    tags = timm.list_pretrained(f"{name.partition('.')[0]}.*")
    known = timm.list_pretrained()
    architectures = sorted({full.partition(".")[0] for full in known})
    hint = f"timm has {', '.join(tags[:6])}." if tags else nearest(name, architectures + known)
    return ZooError(
        f"timm has no pretrained model called {name!r}.",
        hint=hint or "For a network of your own give arch and weights, or factory.",
    )


def _alternatives(filename: str | None) -> tuple[str, ...]:
    """The names to look for when timm asks for one: its safetensors twin goes first."""
    if filename is None:
        return ("model.safetensors", "pytorch_model.bin")
    if not filename.endswith(".bin"):
        return (filename,)
    twin = filename.replace("pytorch_model.bin", "model.bin").removesuffix(".bin")
    return (f"{twin}.safetensors", filename)
