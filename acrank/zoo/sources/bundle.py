"""Load MONAI bundles from the hub: the network that a bundle's configuration defines."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import nn

from acrank.errors import MissingExtraError, ModelError
from acrank.utils.visible import first_line
from acrank.zoo.bounds import MOST_CONFIG
from acrank.zoo.checkpoints.conversions import Converter
from acrank.zoo.checkpoints.filling import fill
from acrank.zoo.checkpoints.reading import State, read_state
from acrank.zoo.entries import ZooEntry
from acrank.zoo.hub.repository import HUB_PREFIX, HubFiles, Remote, split_repo
from acrank.zoo.sources.base import Loaded, Opening, Source
from acrank.zoo.sources.hub import HubSource
from acrank.zoo.weights import OnHub

# MONAI's own repositories, and what a bundle has where.
_BUNDLES = f"{HUB_PREFIX}MONAI/"
_WEIGHTS = ("models/model.safetensors", "models/model.pt")
_CONFIGS = tuple(f"configs/inference.{suffix}" for suffix in ("json", "yaml", "yml"))
# Where a bundle's configuration has its network.
NETWORK = "network_def"


class BundleSource(HubSource):
    """``hf-hub:MONAI/NAME[@REVISION]``; the configuration's code makes the network."""

    name = "monai-bundle"
    usage = ""  # written as any repository of the hub
    place = "a MONAI bundle"
    makes_timm = False

    def claims(self, entry: ZooEntry) -> bool:
        """Tell whether a repository is one of MONAI's own."""
        return bool(entry.reference and entry.reference.startswith(_BUNDLES))

    def weights(self, entry: ZooEntry) -> OnHub:
        """The bundle's weights."""
        return OnHub(HubFiles(*split_repo(str(entry.reference)), _WEIGHTS))

    def structure(
        self, entry: ZooEntry, opening: Opening, state: State | None = None
    ) -> nn.Module | None:
        """Not known: only the author's code can tell."""
        return None

    def unknown(self, opening: Opening) -> str:
        """Say when it will be known."""
        return Source.unknown(self, opening)

    def remote_structure(
        self, entry: ZooEntry, remote: Remote, opening: Opening
    ) -> tuple[nn.Module | None, State | None]:
        """Not known either."""
        return None, None

    def code(self, entry: ZooEntry) -> str:
        """Say whose code the configuration holds."""
        return f"{entry.reference} is a MONAI bundle, which runs code of the bundle's author"

    def load(self, entry: ZooEntry, opening: Opening) -> Loaded:
        """Build what the configuration defines, and fill it."""
        found = opening.hub.snapshot(self.weights(entry).files)
        repo, _ = split_repo(str(entry.reference))
        config = opening.hub.snapshot(HubFiles(repo, found.commit, _CONFIGS)).weights
        model = bundle_network(config)
        # no field of such an entry allows a part
        state, label = read_state(found.weights), found.weights.name
        fit = fill(model, state, label, key=entry.key, partial=None)
        return Loaded(model, found.commit, fit)

    def converter(self, entry: ZooEntry, model: nn.Module) -> Converter | None:
        """None: the network is none of timm's."""
        return None

    def has_new_head(self, entry: ZooEntry, model: nn.Module) -> bool:
        """Never: the configuration decides on the classes."""
        return False

    def rebuilt(self, entry: ZooEntry, classes: int) -> nn.Module | None:
        """Not possible: the configuration decides on the classes."""
        return None


def bundle_network(config: Path) -> nn.Module:
    """Make the network that a bundle defines, without its weights.

    The configuration names classes and holds expressions, which MONAI evaluates.

    Args:
        config: ``inference.json`` or ``inference.yaml``, of an author whom the user trusts.

    Raises:
        ModelError: they make no network.
        MissingExtraError: MONAI is not installed.
    """
    if find_spec("monai") is None:
        raise MissingExtraError("A MONAI bundle", "medical")
    if config.stat().st_size > MOST_CONFIG:
        raise ModelError(f"{config.name} of the bundle is larger than {MOST_CONFIG} bytes.")
    try:
        made = _parsed(config)
    except Exception as error:  # the configuration's own code may raise anything
        raise ModelError(
            f"{config.name} of the bundle makes no network: {first_line(error)}.",
            hint=f"Its {NETWORK} may use only what is installed: scripts of the bundle are not.",
        ) from error
    if not isinstance(made, nn.Module):
        kind = type(made).__name__
        raise ModelError(f"{NETWORK} in {config.name} is of type {kind}, not a torch.nn.Module.")
    return made


def _parsed(config: Path) -> Any:
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config(str(config))
    if NETWORK not in parser.config:
        raise KeyError(f"it has no {NETWORK}")
    return parser.get_parsed_content(NETWORK)
