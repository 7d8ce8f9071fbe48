"""Find and fetch a model's weights: on this machine, on the hub, or at a web address."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import torch

from acrank.errors import ModelError
from acrank.utils.files import UNFINISHED
from acrank.utils.regular import is_regular
from acrank.utils.visible import first_line
from acrank.zoo.checkpoints.reading import check_file, file_sha256, short_sha256
from acrank.zoo.hub.repository import HUB_PREFIX, HubFiles, split_repo_file

if TYPE_CHECKING:
    from acrank.zoo.entries import ZooEntry
    from acrank.zoo.hub.client import Hub

# The name of a file of torchvision, or of PyTorch's hub, ends in the start of its SHA-256.
_NAMED_SHA256 = re.compile(r"-(?P<digits>[0-9a-f]{8,12})\.\w+")


@dataclass(frozen=True)
class Found:
    """Weights on this machine.

    Attributes:
        path: the file, or the index of several.
        commit: of the hub that the file is from; None for other files.
    """

    path: Path
    commit: str | None = None

    @property
    def revision(self) -> str:
        """The commit, or ``sha256:`` and twelve digits; reads the file."""
        return self.commit or short_sha256(self.path)


class Weights(ABC):
    """The place of the weights of one model."""

    @property
    def files(self) -> HubFiles | None:
        """The files that are taken from the hub; None where the weights are elsewhere."""
        return None

    @abstractmethod
    def here(self, hub: Hub) -> Found | None:
        """Find the weights on this machine, without a request; None if they are not there."""

    @abstractmethod
    def fetch(self, hub: Hub) -> Found:
        """Find the weights on this machine, downloading them if need be.

        Raises:
            ModelError: they cannot be had; says what is missing and how to get it.
        """

    @abstractmethod
    def identity(self, hub: Hub) -> dict[str, Any] | None:
        """Tell the weights from all others, for the key of a cached result.

        Returns:
            Plain values; None where only the loaded network can tell.

        Raises:
            ModelError: the weights cannot be found.
        """

    @property
    def told_size(self) -> int | None:
        """Bytes of the weights, as far as is known without having or asking for them."""
        return None

    def refuse_unusable(self) -> None:
        """Refuse weights that are another file, or that can be here alone and are not.

        Raises:
            ModelError: says what is wrong with them.
        """
        return

    def must_be_fetched(self, hub: Hub) -> bool:
        """True if the weights have to be downloaded first."""
        return self.here(hub) is None


@dataclass(frozen=True)
class OnHub(Weights):
    """Weights in a repository of the hub, or in the hub's local cache."""

    wanted: HubFiles

    @property
    def files(self) -> HubFiles:
        """The files that are taken from the hub."""
        return self.wanted

    def here(self, hub: Hub) -> Found | None:
        """Find the weights in the hub's local cache."""
        found = hub.cached(self.wanted)
        return Found(found.weights, found.commit) if found else None

    def fetch(self, hub: Hub) -> Found:
        """Find the weights in the hub's local cache, or download them into it."""
        found = hub.snapshot(self.wanted)
        return Found(found.weights, found.commit)

    def identity(self, hub: Hub) -> dict[str, Any]:
        """Repository, commit and file names."""
        wanted = self.wanted
        commit = hub.resolve(wanted.repo_id, wanted.revision)
        return {"repo": wanted.repo_id, "revision": commit, "files": list(wanted.weights)}


@dataclass(frozen=True)
class LocalFile(Weights):
    """A file on this machine that the user names."""

    path: Path

    def here(self, hub: Hub) -> Found | None:
        """Find the file."""
        return Found(self.path) if is_regular(self.path) else None

    def fetch(self, hub: Hub) -> Found:
        """Find the file."""
        self.refuse_unusable()
        return Found(self.path)

    def identity(self, hub: Hub) -> dict[str, Any]:
        """The SHA-256 of the file, and of ``config.json`` where the file lies beside it."""
        self.refuse_unusable()
        return {"sha256": file_sha256(self.path), "revision": None}

    def refuse_unusable(self) -> None:
        """Refuse a file that is not there."""
        check_file(self.path, None)

    def must_be_fetched(self, hub: Hub) -> bool:
        """Never: there is nowhere to fetch it from."""
        return False


@dataclass(frozen=True)
class ByUrl(Weights):
    """A file of the web, kept in the cache of PyTorch's hub (below ``TORCH_HOME``).

    Attributes:
        url: of the file.
        model: what messages call the model.
        named: whether the file's name ends in the start of its SHA-256, which is then checked.
        told_size: bytes of the file, where they are known.
    """

    url: str
    model: str
    named: bool = False
    told_size: int | None = None

    @property
    def path(self) -> Path:
        """The path at which PyTorch's hub keeps the file."""
        return Path(torch.hub.get_dir()) / "checkpoints" / self.url.rpartition("/")[2]

    def here(self, hub: Hub) -> Found | None:
        """Find the file in the cache of PyTorch's hub."""
        return Found(self.path) if is_regular(self.path) else None

    def fetch(self, hub: Hub) -> Found:
        """Find the file in the cache of PyTorch's hub, or download it into it."""
        if self.here(hub) is None:
            if hub.offline:
                raise ModelError(
                    f"{self.model}: weights are not in the local cache ({self.path}), and this run "
                    "is offline.",
                    hint="Run once online without --offline.",
                )
            self._download(hub.timeout)
            try:
                self.refuse_unusable()
            except ModelError:  # it would stand in the way of the next attempt
                self.path.unlink()
                raise
        self.refuse_unusable()
        return Found(self.path)

    def identity(self, hub: Hub) -> dict[str, Any] | None:
        """The SHA-256 of the file; unknown before it is downloaded."""
        return {"sha256": file_sha256(self.path)} if self.here(hub) else None

    def _download(self, timeout: float) -> None:
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (
                urlopen(self.url, timeout=timeout) as answer,
                tempfile.NamedTemporaryFile(dir=folder, prefix=UNFINISHED, delete=False) as file,
            ):
                try:
                    shutil.copyfileobj(answer, file)
                    file.close()
                    os.replace(file.name, self.path)  # noqa: PTH105 - a name, not a path
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
        except OSError as error:  # urllib's own errors are of this kind, with the reason inside
            reason = getattr(error, "reason", None)
            said = first_line(reason if isinstance(reason, Exception) else error)
            raise ModelError(
                f"{self.model}: weights are not in the local cache ({self.path}), and {self.url} "
                f"cannot be downloaded: {said}.",
                hint="Connect to the network, or put the file there.",
            ) from error

    def refuse_unusable(self) -> None:
        """Refuse a file whose SHA-256 is not the one in its name."""
        told = _NAMED_SHA256.search(self.path.name) if self.named else None
        if told is None or not is_regular(self.path):
            return
        digits, found = told["digits"], file_sha256(self.path)
        if not found.startswith(digits):
            raise ModelError(
                f"{self.model}: {self.path} is not the file that its name says: its SHA-256 starts "
                f"with {found[: len(digits)]}, not {digits}.",
                hint="It was cut short or changed: delete it if it is still there, and run online.",
            )


def own_weights(entry: ZooEntry) -> Weights | None:
    """The weights that an entry's own field ``weights`` names: a file, here or on the hub.

    Raises:
        WeightsNameError: the field is not written as it should be.
    """
    if not entry.weights:
        return None
    if not entry.weights.startswith(HUB_PREFIX):
        return LocalFile(entry.path(entry.weights))
    repo_id, revision, filename = split_repo_file(entry.weights)
    return OnHub(HubFiles(repo_id, revision, (filename,)))


def seen_from(folder: Path, path: str) -> str:
    """Write a path so that it holds seen from a folder.

    A file on the hub, and a path from the root or from home, stays as it is.

    Args:
        folder: of the zoo file.
        path: seen from the current folder.
    """
    if path.startswith((HUB_PREFIX, "~")) or Path(path).is_absolute():
        return path
    return Path(os.path.relpath(Path(path).absolute(), folder)).as_posix()
