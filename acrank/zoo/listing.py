"""Describe a zoo's entries one by one, with what each takes; a fault of one is its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from torch import nn

from acrank.errors import AcrankError, ModelError
from acrank.priors import Book, Prior, prior_of
from acrank.utils.visible import brief, typed_line
from acrank.zoo.checkpoints.shards import weights_size
from acrank.zoo.description import EntryInfo, entry_info, on_this_machine
from acrank.zoo.entries import ZooEntry
from acrank.zoo.footprint import Footprint, network_footprint
from acrank.zoo.hub.client import Hub
from acrank.zoo.hub.repository import HubFiles
from acrank.zoo.sources.base import Opening
from acrank.zoo.sources.registry import hub_files, source_of, weights_of

# Requests at a time: the hub answers each in a fraction of a second.
_AT_ONCE = 8


@dataclass(frozen=True)
class Listed:
    """One row of a listing.

    Attributes:
        info: what is known of the entry.
        footprint: arithmetic and memory; None if not asked for, or not known.
        size: bytes of the weights file; None if not known.
        reason: why the entry cannot be described; None if it can.
        prior: what is expected of it before any image is seen; None if not asked for.
    """

    info: EntryInfo
    footprint: Footprint | None = None
    size: int | None = None
    reason: str | None = None
    prior: Prior | None = None


@dataclass(frozen=True)
class Lister:
    """The means by which entries are described.

    Attributes:
        hub: whose local cache is looked into; no request is made.
        trust_code: whether a ``factory`` may run.
        batch_size: of the step whose memory is told; None tells no footprint.
        sizes: bytes of weights on the hub, where it was asked.
        pages: published numbers that priors are made of; None tells no priors.
        domain: domain of the images that priors are for; None if not told.
    """

    hub: Hub
    trust_code: bool = False
    batch_size: int | None = None
    sizes: Mapping[HubFiles, int] = field(default_factory=dict)
    pages: Book | None = None
    domain: str | None = None

    def unbuilt(self, entry: ZooEntry) -> EntryInfo:
        """Describe an entry without building its network; never raises."""
        try:
            revision, cached = on_this_machine(entry, self.hub)
        except Exception:  # a cache or a folder that cannot be read: building will say so
            revision, cached = None, False
        return entry_info(entry, None, revision=revision, cached=cached)

    def built(self, entry: ZooEntry, info: EntryInfo) -> Listed:
        """Describe an entry, or say why it cannot be described; never raises.

        Args:
            entry: the model.
            info: what :meth:`unbuilt` says of it.
        """
        listed = self._expected(entry, Listed(info))
        try:
            listed = replace(listed, size=self._size(entry))
            model = source_of(entry).structure(entry, Opening(self.hub, self.trust_code))
            info = entry_info(entry, model, revision=info.revision, cached=info.cached)
            listed = self._expected(entry, replace(listed, info=info))
            return replace(listed, footprint=self._footprint(model, info))
        except Exception as error:  # one entry's trouble must not end a listing of many
            return replace(listed, reason=said(error))

    def _expected(self, entry: ZooEntry, listed: Listed) -> Listed:
        if self.pages is None:
            return listed
        params_m = listed.info.params / 1e6 or None
        prior = prior_of(entry, self.domain, params_m=params_m, pages=self.pages)
        return replace(listed, prior=prior)

    def _size(self, entry: ZooEntry) -> int | None:
        size = local_size(entry, self.hub)
        weights = weights_of(entry)
        if size is not None or weights is None:
            return size
        return self.sizes.get(weights.files) if weights.files else weights.told_size

    def _footprint(self, model: nn.Module | None, info: EntryInfo) -> Footprint | None:
        if model is None or self.batch_size is None:
            return None
        return network_footprint(model, info.input_size, self.batch_size)


def said(error: Exception) -> str:
    """An error in one line."""
    if isinstance(error, AcrankError):
        return str(error)
    return brief(typed_line(error), 300)


def local_size(entry: ZooEntry, hub: Hub) -> int | None:
    """Bytes of an entry's weights on this machine; None if they are not here."""
    weights = weights_of(entry)
    found = weights.here(hub) if weights else None
    return weights_size(found.path) if found else None


def ask_sizes(
    entries: Sequence[ZooEntry], hub: Hub
) -> tuple[Mapping[HubFiles, int], tuple[str, ...]]:
    """Ask the hub how large the weights are that are not on this machine; never raises.

    Args:
        entries: the models.
        hub: asked once whether it answers; if not, nothing more is.

    Returns:
        Bytes of the weights that the hub knows, and what it said of the others, a line each.
    """
    silent = hub.preflight(entries)
    if hub.offline:
        return {}, (silent,) if silent else ()
    wanted = dict.fromkeys(files for files in map(hub_files, entries) if files)
    absent = [files for files in wanted if hub.cached(files) is None]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda files: _ask(files, hub), absent))
    known = {f: size for f, size in zip(absent, answers, strict=True) if isinstance(size, int)}
    reasons = dict.fromkeys(answer.message for answer in answers if isinstance(answer, ModelError))
    return known, tuple(reasons)


def _ask(files: HubFiles, hub: Hub) -> int | AcrankError | None:
    try:
        return hub.remote(files).size
    except ModelError as error:
        return error
