"""A zoo's entries one by one, with what each of them costs; a fault of one is its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from torch import nn

from acrank.errors import AcrankError
from acrank.utils.visible import brief, typed_line
from acrank.zoo.costs import Costs, network_costs
from acrank.zoo.describe import EntryInfo, entry_info, on_this_machine, structure
from acrank.zoo.entries import ZooEntry
from acrank.zoo.hub import Hub
from acrank.zoo.sizes import local_size
from acrank.zoo.sources import HubFiles, hub_files


@dataclass(frozen=True)
class Listed:
    """One row of a listing.

    Attributes:
        info: what is known of the entry.
        costs: arithmetic and memory; None if not asked for, or not known.
        size: bytes of the weights file; None if not known.
        reason: why the entry cannot be described; None if it can.
    """

    info: EntryInfo
    costs: Costs | None = None
    size: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Lister:
    """How entries are described.

    Attributes:
        hub: whose local cache is looked into; no request is made.
        trust_code: whether a ``factory`` may run.
        batch_size: of the step whose memory is told; None tells no costs.
        sizes: bytes of weights on the hub, where it was asked.
    """

    hub: Hub
    trust_code: bool = False
    batch_size: int | None = None
    sizes: Mapping[HubFiles, int] = field(default_factory=dict)

    def unbuilt(self, entry: ZooEntry) -> EntryInfo:
        """What is known of an entry without its network; never raises."""
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
        listed = Listed(info)
        try:
            listed = replace(listed, size=self._size(entry))
            model = structure(entry, self.hub, self.trust_code)
            info = entry_info(entry, model, revision=info.revision, cached=info.cached)
            listed = replace(listed, info=info)
            return replace(listed, costs=self._costs(model, info))
        except Exception as error:  # one entry's trouble must not end a listing of many
            return replace(listed, reason=said(error))

    def _size(self, entry: ZooEntry) -> int | None:
        size = local_size(entry, self.hub)
        files = hub_files(entry)
        return self.sizes.get(files) if size is None and files else size

    def _costs(self, model: nn.Module | None, info: EntryInfo) -> Costs | None:
        if model is None or self.batch_size is None:
            return None
        return network_costs(model, info.input_size, self.batch_size)


def said(error: Exception) -> str:
    """An error in one line."""
    if isinstance(error, AcrankError):
        return str(error)
    return brief(typed_line(error), 300)
