"""How large the files with a model's weights are: on this machine, or on the hub."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from acrank.errors import AcrankError, ModelError
from acrank.utils.regular import is_regular
from acrank.zoo.describe import url_weights
from acrank.zoo.entries import ZooEntry
from acrank.zoo.hub import Hub
from acrank.zoo.shards import weights_size
from acrank.zoo.sources import HubFiles, hub_files, local_weights

# Requests at a time: the hub answers each in a fraction of a second.
_AT_ONCE = 8


def local_size(entry: ZooEntry, hub: Hub) -> int | None:
    """Bytes of an entry's weights on this machine; None if they are not here."""
    path = local_weights(entry)
    files = hub_files(entry)
    if files is not None:
        found = hub.cached(files)
        path = found.weights if found else None
    elif path is None and not entry.factory:
        path = url_weights(entry)
    return weights_size(path) if path and is_regular(path) else None


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
