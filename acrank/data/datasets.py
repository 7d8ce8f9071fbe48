"""Open a target of any task: recognised by what the data are, or are said to be."""

from __future__ import annotations

from acrank.data.base import AnyTarget
from acrank.data.readers import open_target
from acrank.data.segmentation import is_segmentation, open_segmentation
from acrank.data.volumes import is_volumes, open_volumes


def known_task(spec: str, task: str) -> str:
    """Tell which task a target is for, by names, and by a few of the files that may be masks.

    Args:
        spec: what the user gave.
        task: name of a task, or ``auto`` to look at the data.

    Returns:
        The key of a task in :mod:`acrank.tasks.registry`.

    Raises:
        DataError: it looks like images with masks, but not like pairs of both, or it may be
            class folders just as well.
    """
    if task == "auto":
        found = "segmentation" if is_segmentation(spec) or is_volumes(spec) else "classification"
    else:
        found = task
    if found == "segmentation":
        return "volumes" if is_volumes(spec) else "masks"
    return found


def open_any(spec: str, task: str, *, offline: bool = False) -> AnyTarget:
    """Open a target dataset and check it; it says which task it is for.

    Args:
        spec: what the user gave.
        task: name of a task, or ``auto`` to look at the data.
        offline: make no request.

    Raises:
        DataError: the data are missing, ill-formed or damaged.
        MissingExtraError: volumes without the packages for them.
    """
    found = known_task(spec, task)
    if found == "volumes":
        return open_volumes(spec)
    if found == "masks":
        return open_segmentation(spec)
    return open_target(spec, offline=offline)
