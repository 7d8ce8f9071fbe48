"""Names that a user may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """``Did you mean ...?`` for an unknown name, or an empty string."""
    matches = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"Did you mean {', '.join(matches)}?" if matches else ""


def has_wildcard(pattern: str) -> bool:
    """Return whether a name is a pattern, with ``*``, ``?`` or ``[]``, as for :mod:`fnmatch`."""
    return any(wildcard in pattern for wildcard in "*?[")
