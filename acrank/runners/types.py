"""What engines have in common."""

from __future__ import annotations

from collections.abc import Callable

from acrank.zoo import ZooEntry

# Whether a model may still be handed out.
GoOn = Callable[[ZooEntry], bool]


def always(entry: ZooEntry) -> bool:
    """There is no limit."""
    return True
