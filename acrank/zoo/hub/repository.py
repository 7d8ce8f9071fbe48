"""Name repositories of the hub and the files in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from acrank.errors import ZooError

HUB_PREFIX = "hf-hub:"
_REPO = re.compile(r"(?P<repo>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>\w[\w./-]*))?")
_REPO_FILE = re.compile(r"(?P<repo>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>\w[\w.-]*))?/(?P<file>.+)")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class HubFiles:
    """Files of one repository of the hub.

    Attributes:
        repo_id: ``org/name``.
        revision: a branch, a tag or a commit.
        weights: names the weights may have, best first.
        config: whether timm's ``config.json`` is needed too.
    """

    repo_id: str
    revision: str
    weights: tuple[str, ...]
    config: bool = False

    @property
    def pinned(self) -> bool:
        """True if the revision is a commit, which never changes."""
        return _COMMIT.fullmatch(self.revision) is not None


@dataclass(frozen=True)
class Remote:
    """Weights as the hub has them; not downloaded.

    Attributes:
        commit: that the revision stands for.
        weights: the file's name.
        size: its bytes; None if the hub does not say.
    """

    commit: str
    weights: str
    size: int | None


@dataclass(frozen=True)
class Snapshot:
    """Files of one commit of a repository, in the local cache."""

    commit: str
    weights: Path
    config: Path | None = None


class WeightsNameError(ZooError):
    """The field ``weights`` of an entry is not written as it should be."""


def split_repo(source: str) -> tuple[str, str]:
    """The repository and revision of ``hf-hub:org/name[@revision]``.

    Raises:
        ZooError: it is not written like that.
    """
    match = _REPO.fullmatch(source.removeprefix(HUB_PREFIX))
    if match is None or not _is_safe(source):
        raise ZooError(f"{source!r} is not written {HUB_PREFIX}ORG/NAME[@REVISION].")
    return match["repo"], match["revision"] or "main"


def split_repo_file(weights: str) -> tuple[str, str, str]:
    """The repository, revision and file of ``hf-hub:org/name[@revision]/path/in/repo``.

    Raises:
        WeightsNameError: it is not written like that.
    """
    match = _REPO_FILE.fullmatch(weights.removeprefix(HUB_PREFIX))
    if match is None or not _is_safe(weights):
        raise WeightsNameError(f"{weights!r} is not written {HUB_PREFIX}ORG/NAME[@REVISION]/FILE.")
    return match["repo"], match["revision"] or "main", match["file"]


def _is_safe(source: str) -> bool:
    """Tell whether a name stays inside the cache: the hub, too, refuses ``..`` and ``--``."""
    repo = source.removeprefix(HUB_PREFIX).partition("@")[0]
    return ".." not in source and "--" not in "/".join(repo.split("/")[:2])
