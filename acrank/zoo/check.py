"""Whether an entry of a zoo can be used: its files, its structure, and whether they fit."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from acrank.errors import ModelError
from acrank.zoo.checkpoints import State, check_file, file_sha256, read_state
from acrank.zoo.conversions import Converter
from acrank.zoo.describe import (
    entry_info,
    has_new_head,
    outlined,
    structure,
    url_weights,
)
from acrank.zoo.entries import HUB_PREFIX, LOCAL_PREFIX, ZooEntry
from acrank.zoo.fit import find_fit
from acrank.zoo.fitting import refuse_odd_tensors
from acrank.zoo.hub import Hub
from acrank.zoo.listing import said
from acrank.zoo.loading import load_backbone
from acrank.zoo.names import split_repo, split_repo_file
from acrank.zoo.partial import check_whole, lacking, refuse_little
from acrank.zoo.remote import remote_outlines
from acrank.zoo.shards import weights_size
from acrank.zoo.sources import BUNDLES, HubFiles, hub_files, local_weights

UNPINNED = "not pinned to a commit of the hub"
NO_SHA256 = "no sha256 of its weights"
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass
class Checked:
    """What was found out about an entry.

    Attributes:
        name: the entry's.
        source: where the network comes from, readable.
        line: of the zoo file; None without one.
        license: licence of the weights.
        size: bytes of the weights file; None if not known.
        commit: of the hub that the entry's weights are at now.
        sha256: of the entry's local checkpoint.
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
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """``ok``, ``warning`` or ``error``."""
        return "error" if self.errors else "warning" if self.warnings else "ok"

    @property
    def revision(self) -> str | None:
        """What the weights are now: a commit, or the start of a file's SHA-256."""
        return self.commit or (f"sha256:{self.sha256[:12]}" if self.sha256 else None)


class Checker:
    """Checks entries; no weights are loaded unless their shapes alone leave it open if they fit.

    Args:
        hub: asked for what its local cache does not have; not asked when it is offline.
        trust_code: whether a ``factory`` may run.
    """

    def __init__(self, hub: Hub, *, trust_code: bool = False) -> None:
        self.hub = hub
        self.trust_code = trust_code

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
        files = hub_files(entry)
        path = self._here(entry, files, checked)
        model, state = self._built(entry, files, path, checked)
        info = entry_info(entry, model, revision=None, cached=path is not None)
        checked.license = info.license
        if model is None and entry.factory:
            if not self.trust_code:
                checked.warnings.append("factory not run: that needs --trust-code")
        elif model is None:
            bundle = str(entry.reference).startswith(BUNDLES)
            told = "it is loaded" if bundle else "its config.json is here"
            checked.warnings.append(f"structure not known before {told}")
        elif path is not None or state is not None:
            self._fit(entry, model, path, state, checked)

    def _here(self, entry: ZooEntry, files: HubFiles | None, checked: Checked) -> Path | None:
        """The weights on this machine, the ones that were meant; asks the hub for others."""
        path = local_weights(entry)
        if files is not None:
            found = self.hub.cached(files)
            path = found.weights if found else None
            checked.commit = found.commit if found else None
        elif path is not None:
            _refuse_missing(entry, path)
        elif not entry.factory and url_weights(entry).is_file():
            path = url_weights(entry)
        if path is not None:
            check_file(path, entry.sha256)
            checked.size = weights_size(path)
            checked.sha256 = file_sha256(path) if files is None else None
        return path

    def _built(
        self, entry: ZooEntry, files: HubFiles | None, path: Path | None, checked: Checked
    ) -> tuple[nn.Module | None, State | None]:
        """The structure, and the tensors of weights that are on the hub alone."""
        if files is None or path is not None:
            return structure(entry, self.hub, self.trust_code), None
        if self.hub.offline:
            gone = self.hub.missing(files)
            checked.warnings.append(f"{gone} not in the local cache, and the hub cannot be asked")
            return structure(entry, self.hub, self.trust_code), None
        remote = self.hub.remote(files)
        checked.commit, checked.size = remote.commit, remote.size
        if not files.config and entry.reference:  # timm's own: what it names fits
            return structure(entry, self.hub, self.trust_code), None
        state = remote_outlines(files, remote, self.hub)
        if not files.config:
            return structure(entry, self.hub, self.trust_code, state), state
        config = self.hub.fetch(files.repo_id, "config.json", remote.commit)
        return outlined(entry, f"{LOCAL_PREFIX}{config.parent}")[0], state

    def _fit(
        self,
        entry: ZooEntry,
        model: nn.Module,
        path: Path | None,
        state: State | None,
        checked: Checked,
    ) -> None:
        label = path.name if path else "the file on the hub"
        try:
            state = state or read_state(Path(str(path)), device="meta")
            how: dict[str, Any] = {"key": entry.key, "converter": _converter(entry, model)}
            fit = find_fit(model, state, entry.classifier, label, **how)
            refuse_odd_tensors(model, fit.state, label)
            if not entry.partial:
                rules = {"new_head": has_new_head(entry, model), "fixed": not entry.weights}
                check_whole(model, fit, label, entry.classifier, **rules)
                return
            refuse_little(fit, label, allow=True)
            if fit.share < 1 or lacking(fit):
                needs = "".join(f"; {what}: needs --allow-partial" for what, _ in lacking(fit))
                checked.warnings.append(f"partly loaded: {fit}{needs}")
            elif fit.left_over:
                checked.warnings.append(fit.left_over)
        except ModelError:
            # some of timm's conversions look at the numbers: only loading can tell
            if entry.factory or path is None:
                raise
            load_backbone(entry, trust_code=self.trust_code, hub=self.hub)

    def _warn(self, entry: ZooEntry, checked: Checked) -> None:
        if not checked.license and not checked.errors:
            checked.warnings.append("no licence")
        if is_unpinned(entry):
            checked.warnings.append(UNPINNED)
        if entry.sha256 is None and local_checkpoint(entry):
            checked.warnings.append(NO_SHA256)


def _converter(entry: ZooEntry, model: nn.Module) -> Converter | None:
    """How timm would convert a checkpoint for an ``arch`` or what a folder describes."""
    cfg = getattr(model, "pretrained_cfg", None) or {}
    folder = f"{LOCAL_PREFIX}{cfg.get('file')}" if cfg.get("source") == "local-dir" else None
    name = folder if entry.reference else entry.arch
    return outlined(entry, name)[1] if name else None


def is_unpinned(entry: ZooEntry) -> bool:
    """Whether an entry names a repository of the hub, but not a commit of 40 digits."""
    named = entry.weights if entry.weights else entry.reference
    if not named or not named.startswith(HUB_PREFIX):
        return False
    files = hub_files(entry)
    return files is not None and _COMMIT.fullmatch(files.revision) is None


def local_checkpoint(entry: ZooEntry) -> bool:
    """Whether an entry's weights are a file of its own, which a sha256 can name."""
    return entry.weights is not None and not entry.weights.startswith(HUB_PREFIX)


def _refuse_missing(entry: ZooEntry, weights: Path) -> None:
    if str(entry.reference).startswith(LOCAL_PREFIX):
        for path in (weights.parent / "config.json", weights):
            if not path.is_file():
                hint = "A timm folder holds config.json and model.safetensors."
                raise ModelError(f"There is no {path.name} in {path.parent}.", hint=hint)


def pin_changes(checked: Checked, entry: ZooEntry) -> dict[str, str]:
    """The fields that pin an entry to the weights that were found, and what they would say.

    An entry whose name is its source keeps the name: it is given a source.
    """
    if is_unpinned(entry) and checked.commit:
        if entry.weights:
            repo, _, name = split_repo_file(entry.weights)
            return {"weights": f"{HUB_PREFIX}{repo}@{checked.commit}/{name}"}
        repo, _ = split_repo(str(entry.reference))
        return {"source": f"{HUB_PREFIX}{repo}@{checked.commit}"}
    if entry.sha256 is None and local_checkpoint(entry) and checked.sha256:
        return {"sha256": checked.sha256}
    return {}
