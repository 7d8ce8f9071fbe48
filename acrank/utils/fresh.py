"""Layers whose weights are as they were drawn: their network's checkpoint has none for them."""

from __future__ import annotations

_MARK = "_not_in_the_checkpoint"


def mark_fresh(layer: object) -> None:
    """Say of a layer that no checkpoint filled its parameters."""
    setattr(layer, _MARK, True)


def is_fresh(layer: object) -> bool:
    """Return whether a layer was marked by :func:`mark_fresh`."""
    return bool(getattr(layer, _MARK, False))
