"""timm's names: what exists, what a short name stands for, what a typo may have meant."""

import difflib
import re
from collections.abc import Iterable
from typing import Any

import timm
from timm.models import get_pretrained_cfg

from acrank.errors import ZooError
from acrank.zoo.entries import HUB_PREFIX, LOCAL_PREFIX, ZooEntry

_REPO = re.compile(r"(?P<repo>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>\w[\w./-]*))?")
_REPO_FILE = re.compile(r"(?P<repo>\w[\w.-]*/\w[\w.-]*)(@(?P<revision>\w[\w.-]*))?/(?P<file>.+)")


def nearest(name: str, known: Iterable[str]) -> str:
    """``Did you mean ...?`` for an unknown name, or an empty string."""
    matches = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"Did you mean {', '.join(matches)}?" if matches else ""


def pretrained_cfg(name: str) -> Any | None:
    """What timm knows about the weights of a name; None where it has none of that name."""
    try:
        cfg = get_pretrained_cfg(name)
    except RuntimeError:  # the architecture exists, the tag does not
        return None
    return cfg if cfg is not None and cfg.has_weights else None


def full_name(name: str) -> str:
    """A timm name with its tag: ``resnet18`` becomes ``resnet18.a1_in1k``.

    Raises:
        ZooError: timm has no weights of that name.
    """
    cfg = pretrained_cfg(name)
    if cfg is None:
        raise unknown_name(name)
    return f"{cfg.architecture}.{cfg.tag}" if cfg.tag else str(cfg.architecture)


def unknown_name(name: str) -> ZooError:
    """The error for a name without pretrained weights in timm, with the nearest that have some."""
    if "/" in name or ":" in name:
        hint = f"Write {HUB_PREFIX}ORG/NAME for the hub, {LOCAL_PREFIX}PATH for a folder."
        return ZooError(f"{name!r} is not a timm model name.", hint=hint)
    tags = timm.list_pretrained(f"{name.partition('.')[0]}.*")
    known = timm.list_pretrained()
    architectures = sorted({full.partition(".")[0] for full in known})
    hint = f"timm has {', '.join(tags[:6])}." if tags else nearest(name, architectures + known)
    return ZooError(
        f"timm has no pretrained model called {name!r}.",
        hint=hint or "For a network of your own give arch and weights, or factory.",
    )


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
        ZooError: it is not written like that.
    """
    match = _REPO_FILE.fullmatch(weights.removeprefix(HUB_PREFIX))
    if match is None or not _is_safe(weights):
        raise ZooError(f"{weights!r} is not written {HUB_PREFIX}ORG/NAME[@REVISION]/FILE.")
    return match["repo"], match["revision"] or "main", match["file"]


def _is_safe(source: str) -> bool:
    """Whether a name stays inside the cache: the hub, too, allows neither ``..`` nor ``--``."""
    repo = source.removeprefix(HUB_PREFIX).partition("@")[0]
    return ".." not in source and "--" not in "/".join(repo.split("/")[:2])


def check_names(entry: ZooEntry) -> None:
    """Check an entry's names against timm's registry; no network, no file.

    Raises:
        ZooError: a name is unknown or not written as it should be.
    """
    if entry.weights and entry.weights.startswith(HUB_PREFIX):
        split_repo_file(entry.weights)
    if entry.arch and not timm.is_model(entry.arch):
        hint = nearest(entry.arch, timm.list_models()) or "See timm.list_models()."
        raise ZooError(f"timm has no architecture called {entry.arch!r}.", hint=hint)
    if entry.reference:
        _check_reference(entry.reference)


def _check_reference(reference: str) -> None:
    if reference.startswith(HUB_PREFIX):
        split_repo(reference)
    elif reference.startswith(LOCAL_PREFIX):
        if reference == LOCAL_PREFIX:
            raise ZooError(f"{reference!r} names no folder.")
    else:
        full_name(reference)
