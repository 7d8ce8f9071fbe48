"""Load a timm architecture with a checkpoint that the entry names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import timm
from torch import nn

from acrank.errors import ModelError, ZooError
from acrank.utils.nearest import nearest
from acrank.zoo.bounds import ALWAYS, MOST_TIMES
from acrank.zoo.checkpoints.compatibility import class_count
from acrank.zoo.checkpoints.conversions import Converter
from acrank.zoo.checkpoints.filling import fill
from acrank.zoo.checkpoints.fit import find_fit
from acrank.zoo.checkpoints.reading import State, check_file, read_state, without_numbers
from acrank.zoo.data_config import data_config
from acrank.zoo.entries import ZooEntry
from acrank.zoo.heads.removal import head_name
from acrank.zoo.hub.client import Hub
from acrank.zoo.hub.repository import HUB_PREFIX, Remote
from acrank.zoo.sources.base import Loaded, Opening, Source
from acrank.zoo.sources.hub import UNPINNED
from acrank.zoo.timm_build import REFUSED_KWARGS, create, outlined, without_storage
from acrank.zoo.weights import Weights, own_weights

NO_SHA256 = "no sha256 of its weights"


class OwnWeights(Source):
    """A network that one field of an entry names, and a checkpoint that another one does."""

    usage = ""  # fields of their own, no name before a colon
    place = "a checkpoint of your own"
    takes = frozenset({"weights", "key", "classifier"})

    def with_weights(self, network: str, entry: ZooEntry) -> str:
        """The network and the checkpoint, in one short string."""
        return f"{network} + {entry.weights}" if entry.weights else network

    def weights(self, entry: ZooEntry) -> Weights | None:
        """The file that the entry names."""
        return own_weights(entry)

    def remote_structure(
        self, entry: ZooEntry, remote: Remote, opening: Opening
    ) -> tuple[nn.Module | None, State | None]:
        """Ask for the tensors' shapes, which tell the classes too."""
        weights = self.weights(entry)
        files = weights.files if weights else None
        state = opening.hub.outlines(files, remote) if files else None
        return self.structure(entry, opening, state), state

    def unpinned(self, entry: ZooEntry) -> str:
        """Say so where a file on the hub has no commit, or a local one no SHA-256."""
        weights = self.weights(entry)
        if weights is None:
            return ""
        if weights.files is None:
            return "" if entry.sha256 else NO_SHA256
        return "" if weights.files.pinned else UNPINNED

    def pins(self, entry: ZooEntry, commit: str | None, sha256: str | None) -> dict[str, str]:
        """Name the commit, or the SHA-256."""
        told, weights = self.unpinned(entry), self.weights(entry)
        if told == NO_SHA256 and sha256:
            return {"sha256": sha256}
        files = weights.files if weights else None
        if told == UNPINNED and commit and files:
            return {"weights": f"{HUB_PREFIX}{files.repo_id}@{commit}/{files.weights[0]}"}
        return {}

    def filled(
        self,
        entry: ZooEntry,
        opening: Opening,
        build: Callable[[State], tuple[nn.Module, Converter | None]],
    ) -> Loaded:
        """Fill a network from the checkpoint.

        Args:
            entry: the model; it names weights.
            opening: where they come from, and whether a small part of the network is enough.
            build: gives the network for the checkpoint's tensors, and how timm would convert them.

        Raises:
            ModelError: the file is missing or another one, or does not fit.
        """
        weights = self.weights(entry)
        if weights is None:
            raise RuntimeError("the entry names no weights")
        found = weights.fetch(opening.hub)
        check_file(found.path, entry.sha256)
        state = read_state(found.path)
        model, converter = build(state)
        classifier = entry.classifier
        if entry.partial and not classifier:  # a head that the checkpoint lacks is not missed
            classifier = head_name(model, data_config(entry, model)["input_size"])
        how: dict[str, Any] = {"partial": entry.partial, "allow": opening.allow_partial}
        how |= {"key": entry.key, "converter": converter, "classifier": classifier}
        how["new_head"] = self.has_new_head(entry, model)
        fit = fill(model, state, found.path.name, **how)
        return Loaded(model, found.revision, fit)


class CheckpointSource(OwnWeights):
    """``arch:``, a timm architecture, with ``weights:``, a checkpoint file here or on the hub."""

    name = "arch"
    refused_kwargs = REFUSED_KWARGS
    makes_timm = True

    def claims(self, entry: ZooEntry) -> bool:
        """Tell whether the entry names an architecture."""
        return bool(entry.arch)

    def written(self, entry: ZooEntry) -> str:
        """The architecture and the checkpoint."""
        return self.with_weights(f"arch {entry.arch}", entry)

    def check_fields(self, entry: ZooEntry) -> None:
        """Check that there is a checkpoint."""
        if not entry.weights:
            raise ValueError("arch needs weights: the checkpoint file to load into it")
        super().check_fields(entry)

    def check(self, entry: ZooEntry) -> None:
        """Check the architecture against timm's registry, and how a file on the hub is written."""
        self.weights(entry)
        if not timm.is_model(str(entry.arch)):
            hint = nearest(str(entry.arch), timm.list_models()) or "See timm.list_models()."
            raise ZooError(f"timm has no architecture called {entry.arch!r}.", hint=hint)

    def field(self, entry: ZooEntry) -> str:
        """The architecture."""
        return "arch"

    def structure(
        self, entry: ZooEntry, opening: Opening, state: State | None = None
    ) -> nn.Module | None:
        """Have timm build it with as many classes as the checkpoint has, where that is known."""
        known = state or self._outlines(entry, opening.hub)
        return without_storage(lambda: build_arch(entry, known)[0])

    def _outlines(self, entry: ZooEntry, hub: Hub) -> State | None:
        """The checkpoint's tensors without numbers, if it is here and readable."""
        weights = self.weights(entry)
        found = weights.here(hub) if weights else None
        try:
            return read_state(found.path, device="meta") if found else None
        except ModelError:  # loading will say what is wrong; a listing needs only the structure
            return None

    def identity(self, entry: ZooEntry, hub: Hub) -> dict[str, Any] | None:
        """The file; the architecture's preprocessing is a part of timm's version."""
        weights = self.weights(entry)
        told = weights.identity(hub) if weights else None
        return told and {"weights": told, "preprocessing": {}}

    def load(self, entry: ZooEntry, opening: Opening) -> Loaded:
        """Have timm build the architecture, and fill it."""
        return self.filled(entry, opening, lambda state: build_arch(entry, state))

    def converter(self, entry: ZooEntry, model: nn.Module) -> Converter | None:
        """Return timm's conversion of a checkpoint of the architecture."""
        return outlined(entry, str(entry.arch))[1]

    def has_new_head(self, entry: ZooEntry, model: nn.Module) -> bool:
        """Tell whether ``kwargs`` say how many classes there are; else the checkpoint does."""
        return "num_classes" in entry.kwargs

    def rebuilt(self, entry: ZooEntry, classes: int) -> nn.Module | None:
        """Have timm build it for the classes."""
        return create(entry, str(entry.arch), pretrained=False, num_classes=classes)


def build_arch(entry: ZooEntry, state: State | None) -> tuple[nn.Module, Converter]:
    """Build an ``arch`` entry's network with as many classes as its checkpoint has.

    Args:
        entry: the model.
        state: the checkpoint's tensors; None where they are not known.

    Returns:
        The network, and how timm would convert a checkpoint for it.
    """
    arch = str(entry.arch)
    if state is None:
        return create(entry, arch, pretrained=False), Converter()
    bare, converter = outlined(entry, arch)
    if "num_classes" in entry.kwargs:
        return create(entry, arch, pretrained=False), converter
    classifier = entry.classifier or (getattr(bare, "pretrained_cfg", None) or {}).get("classifier")
    try:
        fit = find_fit(
            bare, without_numbers(state), entry.classifier, key=entry.key, converter=converter
        )
        classes = class_count(fit.state, classifier)
    except ModelError:  # filling it will say why
        classes = 0
    numbers = sum(value.numel() for value in state.values())
    # of a part the size of the whole cannot be told
    most = None if entry.partial else ALWAYS + MOST_TIMES * 4 * numbers
    return create(entry, arch, most=most, pretrained=False, num_classes=classes), converter
