"""Load networks from repositories of the Hugging Face hub in timm's form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import timm
from torch import nn

from acrank.zoo.checkpoints.conversions import Converter
from acrank.zoo.checkpoints.reading import State
from acrank.zoo.entries import ZooEntry
from acrank.zoo.hub.client import Hub
from acrank.zoo.hub.repository import HUB_PREFIX, HubFiles, Remote, split_repo
from acrank.zoo.sources.base import Loaded, Opening, Source
from acrank.zoo.sources.folder import (
    CONFIG,
    INDEX_FILES,
    WEIGHT_FILES,
    converter_of_folder,
    license_in_folder,
    load_folder,
    structure_of_folder,
)
from acrank.zoo.timm_build import (
    REFUSED_KWARGS,
    create,
    has_other_classes,
    outlined,
    without_storage,
)
from acrank.zoo.weights import OnHub

UNPINNED = "not pinned to a commit of the hub"


class HubSource(Source):
    """``hf-hub:ORG/NAME[@REVISION]``, a repository with ``config.json``; timm's own prefix."""

    name = "hf-hub"
    usage = "hf-hub:ORG/NAME[@REVISION]"
    place = "the hub"
    takes = frozenset({"key"})
    refused_kwargs = REFUSED_KWARGS
    makes_timm = True

    def check(self, entry: ZooEntry) -> None:
        """Check how the repository is written."""
        split_repo(str(entry.reference))

    def select(self, pattern: str) -> list[str]:
        """The one repository."""
        self.check(ZooEntry(name=pattern))
        return [pattern]

    def added(self, reference: str, folder: Path) -> list[dict[str, Any]]:
        """An entry that is called like the repository."""
        return [{"name": reference.rpartition("/")[2].partition("@")[0], "source": reference}]

    def weights(self, entry: ZooEntry) -> OnHub:
        """The repository's weights, with its description of the network."""
        names = WEIGHT_FILES + INDEX_FILES
        return OnHub(HubFiles(*split_repo(str(entry.reference)), names, config=True))

    def license(self, entry: ZooEntry, model: nn.Module | None) -> str | None:
        """The licence that the repository's description names."""
        return license_in_folder(model)

    def structure(
        self, entry: ZooEntry, opening: Opening, state: State | None = None
    ) -> nn.Module | None:
        """Have timm build what the description says, or an architecture of the same name."""
        found = opening.hub.cached(self.weights(entry).files)
        if found and found.config:
            return structure_of_folder(entry, found.config.parent)
        # hub repositories of timm models are called architecture.tag by convention
        repository = str(entry.reference).rpartition("/")[2]
        guess = repository.partition("@")[0].partition(".")[0]
        if not timm.is_model(guess):
            return None
        return without_storage(lambda: create(entry, guess, pretrained=False))

    def unknown(self, opening: Opening) -> str:
        """Say what is missing."""
        return "structure not known before its config.json is here"

    def remote_structure(
        self, entry: ZooEntry, remote: Remote, opening: Opening
    ) -> tuple[nn.Module | None, State | None]:
        """Fetch the description, and ask for the tensors' shapes."""
        files = self.weights(entry).files
        state = opening.hub.outlines(files, remote)
        config = opening.hub.fetch(files.repo_id, CONFIG, remote.commit)
        return outlined(entry, config.parent)[0], state

    def identity(self, entry: ZooEntry, hub: Hub) -> dict[str, Any] | None:
        """The commit, which stands for weights and description alike."""
        told = self.weights(entry).identity(hub)
        return {"weights": told, "preprocessing": {"config": told["revision"]}}

    def unpinned(self, entry: ZooEntry) -> str:
        """Say so where the revision is no commit."""
        return "" if self.weights(entry).files.pinned else UNPINNED

    def pins(self, entry: ZooEntry, commit: str | None, sha256: str | None) -> dict[str, str]:
        """Name the commit; an entry whose name is its source keeps the name."""
        if commit is None or not self.unpinned(entry):
            return {}
        return {"source": f"{HUB_PREFIX}{self.weights(entry).files.repo_id}@{commit}"}

    def load(self, entry: ZooEntry, opening: Opening) -> Loaded:
        """Fill what the description says from the weights beside it."""
        found = opening.hub.snapshot(self.weights(entry).files)
        model, _, fit = load_folder(entry, found.weights.parent)
        return Loaded(model, found.commit, fit)

    def converter(self, entry: ZooEntry, model: nn.Module) -> Converter | None:
        """Return timm's conversion of a checkpoint of the architecture."""
        return converter_of_folder(entry, model)

    def has_new_head(self, entry: ZooEntry, model: nn.Module) -> bool:
        """Tell whether ``kwargs`` ask for other classes than the description has."""
        return has_other_classes(entry, model)

    def rebuilt(self, entry: ZooEntry, classes: int) -> nn.Module | None:
        """Have timm build it for the classes."""
        return create(entry, str(entry.reference), pretrained=False, num_classes=classes)
