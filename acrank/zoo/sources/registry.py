"""Register the model sources, and find the one that an entry of a zoo is of.

Another package adds one with an entry point of the group ``acrank.model_sources``: its name is the
source's, its object a :class:`acrank.zoo.sources.base.Source`, or the class of one. Nothing heavy
is imported before a source is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acrank.errors import AcrankError, ModelError
from acrank.utils.plugins import Registry, instance_of
from acrank.utils.visible import typed_line
from acrank.zoo.sources.base import Source

if TYPE_CHECKING:
    from acrank.zoo.entries import ZooEntry
    from acrank.zoo.hub.repository import HubFiles
    from acrank.zoo.weights import Weights

# How a model is written without a zoo; help texts have this without importing the sources.
MODEL = "a timm name, hf-hub:ORG/NAME[@REVISION], local-dir:PATH or torchvision:NAME[@WEIGHTS]"
# Takes what no other source claims.
_TIMM = "timm"


def _own() -> dict[str, Source]:
    from acrank.zoo.sources.bundle import BundleSource
    from acrank.zoo.sources.checkpoint import CheckpointSource
    from acrank.zoo.sources.factory import FactorySource
    from acrank.zoo.sources.folder import FolderSource
    from acrank.zoo.sources.hub import HubSource
    from acrank.zoo.sources.timm import TimmSource
    from acrank.zoo.sources.torchvision import TorchvisionSource

    # a bundle is a repository of the hub too: it is asked first
    kinds: tuple[type[Source], ...] = (FactorySource, CheckpointSource, BundleSource, HubSource)
    kinds += (FolderSource, TorchvisionSource, TimmSource)
    return {kind.name: kind() for kind in kinds}


def _accept(name: str, loaded: object) -> Source:
    """Take a source of another package, or its class."""
    source = instance_of(Source)(name, loaded)  # type: ignore[type-abstract]
    for needed in ("name", "usage", "place"):
        if not isinstance(getattr(source, needed, None), str):
            raise TypeError(f"it has no text {needed!r}")
    if type(source).claims is not Source.claims:
        raise TypeError("it defines claims: a package's source is told by its name alone")
    if source.name != name:
        raise ValueError(f"its name is {source.name!r}, and its entry point is called {name!r}")
    return source


SOURCES = Registry("acrank.model_sources", "model source", _own, _accept)


def source_of(entry: ZooEntry) -> Source:
    """The source that an entry's network comes from."""
    found = (source for source in SOURCES.values() if source.claims(entry))
    return next(found, SOURCES[_TIMM])


def usages() -> str:
    """Say how models are written as a source's name and a colon, and what each is."""
    return ", ".join(f"{s.usage} for {s.place}" for s in SOURCES.values() if s.usage)


def weights_of(entry: ZooEntry) -> Weights | None:
    """Return the place of an entry's weights; None where only its source can tell.

    Raises:
        ZooError: the source has no model of that name.
        ModelError: the source, one of another package, fails at it.
    """
    source = source_of(entry)
    try:
        return source.weights(entry)
    except AcrankError:
        raise
    except Exception as error:  # a package's code may raise anything
        told = f"The model source {source.name!r} fails at {entry.name}: {typed_line(error)}."
        raise ModelError(told) from error


def hub_files(entry: ZooEntry) -> HubFiles | None:
    """Return the files that an entry takes from the hub, or None if it takes nothing from there.

    Raises:
        ZooError: as :func:`weights_of`.
        ModelError: as :func:`weights_of`.
    """
    weights = weights_of(entry)
    return weights.files if weights else None
