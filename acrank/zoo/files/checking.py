"""Check whether an entry of a zoo can be used: its files, its structure, and whether they fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import nn

from acrank.errors import ModelError
from acrank.zoo.checkpoints.compatibility import refuse_odd_tensors
from acrank.zoo.checkpoints.filling import check_whole, lacking, refuse_little
from acrank.zoo.checkpoints.fit import find_fit
from acrank.zoo.checkpoints.reading import State, check_file, file_sha256, read_state
from acrank.zoo.checkpoints.shards import weights_size
from acrank.zoo.description import entry_info
from acrank.zoo.entries import ZooEntry
from acrank.zoo.hub.client import Hub
from acrank.zoo.listing import said
from acrank.zoo.loading import load_backbone
from acrank.zoo.sources.base import Opening
from acrank.zoo.sources.registry import source_of, weights_of
from acrank.zoo.weights import Found, Weights


@dataclass
class Checked:
    """The findings on one entry of a zoo file.

    Attributes:
        name: the entry's.
        source: where the network comes from, readable.
        line: of the zoo file; None without one.
        license: licence of the weights.
        size: bytes of the weights file; None if not known.
        commit: of the hub that the entry's weights are at now.
        sha256: of the entry's local checkpoint.
        unpinned: which of the weights could change unseen, in words; empty if they cannot.
        errors: why it cannot be used.
        warnings: what should be mended, or could not be checked.
    """

    name: str
    source: str = ""
    line: int | None = None
    license: str | None = None
    size: int | None = None
    commit: str | None = None
    sha256: str | None = None
    unpinned: str = ""
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """``ok``, ``warning`` or ``error``."""
        return "error" if self.errors else "warning" if self.warnings else "ok"

    @property
    def revision(self) -> str | None:
        """The present revision of the weights: a commit, or the start of a file's SHA-256."""
        return self.commit or (f"sha256:{self.sha256[:12]}" if self.sha256 else None)

    def pins(self, entry: ZooEntry) -> dict[str, str]:
        """The fields that pin the entry to the weights that were found, and what they would say.

        An entry whose name is its source keeps the name: it is given a source.
        """
        return source_of(entry).pins(entry, self.commit, self.sha256)

    def pinned(self) -> None:
        """Take note that the zoo file now names the weights that were found."""
        if self.unpinned:
            self.warnings.remove(self.unpinned)
            self.unpinned = ""


class Checker:
    """Checks entries; no weights are loaded unless their shapes alone leave it open if they fit.

    Args:
        hub: asked for what its local cache does not have; not asked when it is offline.
        trust_code: whether a ``factory`` may run.
    """

    def __init__(self, hub: Hub, *, trust_code: bool = False) -> None:
        self.opening = Opening(hub, trust_code)

    def __call__(self, entry: ZooEntry, line: int | None = None) -> Checked:
        """Check one entry; never raises."""
        checked = Checked(entry.name, entry.readable_source, line, entry.license)
        try:
            self._check(entry, checked)
        except Exception as error:  # one entry's trouble must not hide the others'
            checked.errors.append(said(error))
        self._warn(entry, checked)
        return checked

    def _check(self, entry: ZooEntry, checked: Checked) -> None:
        source = source_of(entry)
        weights = weights_of(entry)
        found = self._here(entry, weights, checked)
        model, state = self._built(entry, weights, found, checked)
        checked.license = entry_info(entry, model, revision=None, cached=found is not None).license
        if model is None:
            unknown = source.unknown(self.opening)
            checked.warnings += [unknown] if unknown else []
        elif found is not None or state is not None:
            self._fit(entry, model, found, state, checked)

    def _here(self, entry: ZooEntry, weights: Weights | None, checked: Checked) -> Found | None:
        """The weights on this machine, the ones that were meant."""
        if weights is None:
            return None
        weights.refuse_unusable()
        found = weights.here(self.opening.hub)
        if found is not None:
            check_file(found.path, entry.sha256)
            checked.size = weights_size(found.path)
            checked.commit = found.commit
            checked.sha256 = None if found.commit else file_sha256(found.path)
        return found

    def _built(
        self, entry: ZooEntry, weights: Weights | None, found: Found | None, checked: Checked
    ) -> tuple[nn.Module | None, State | None]:
        """The structure, and the tensors of weights that are on the hub alone."""
        source, hub = source_of(entry), self.opening.hub
        files = weights.files if weights else None
        if files is None and weights is not None and found is None and hub.offline:
            checked.warnings.append(
                "its weights are not in the local cache, and the run is offline"
            )
        if files is None or found is not None:
            return source.structure(entry, self.opening), None
        if hub.offline:
            gone = hub.missing(files)
            checked.warnings.append(f"{gone} not in the local cache, and the hub cannot be asked")
            return source.structure(entry, self.opening), None
        remote = hub.remote(files)
        checked.commit, checked.size = remote.commit, remote.size
        return source.remote_structure(entry, remote, self.opening)

    def _fit(
        self,
        entry: ZooEntry,
        model: nn.Module,
        found: Found | None,
        state: State | None,
        checked: Checked,
    ) -> None:
        source = source_of(entry)
        label = found.path.name if found else "the file on the hub"
        try:
            if found is not None:
                state = read_state(found.path, device="meta")
            how: dict[str, Any] = {"key": entry.key, "converter": source.converter(entry, model)}
            fit = find_fit(model, state or {}, entry.classifier, label, **how)
            refuse_odd_tensors(model, fit.state, label)
            if not entry.partial:
                new_head = source.has_new_head(entry, model)
                rules = {"new_head": new_head, "fixed": not entry.weights}
                check_whole(model, fit, label, entry.classifier, **rules)
                return
            refuse_little(fit, label, allow=True)
            if fit.share < 1 or lacking(fit):
                needs = "".join(f"; {what}: needs --allow-partial" for what, _ in lacking(fit))
                checked.warnings.append(f"partly loaded: {fit}{needs}")
            elif fit.left_over:
                checked.warnings.append(fit.left_over)
        except ModelError:
            # some conversions look at the numbers: only loading can tell
            if not source.needs_numbers or found is None:
                raise
            load_backbone(entry, trust_code=self.opening.trust_code, hub=self.opening.hub)

    def _warn(self, entry: ZooEntry, checked: Checked) -> None:
        if not checked.license and not checked.errors:
            checked.warnings.append("no licence")
        checked.unpinned = source_of(entry).unpinned(entry)
        if checked.unpinned:
            checked.warnings.append(checked.unpinned)
