"""Spans of time as people write them."""

from __future__ import annotations

import re

_PARTS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")


def parse_duration(value: object) -> object:
    """Seconds from ``90``, ``90s``, ``10m``, ``1h30m`` or ``7d``; what is no text stays as it is.

    Raises:
        ValueError: a text that is no duration.
    """
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.replace(" ", "").lower())
    if match is None or not any(match.groups()):
        raise ValueError("write a duration as 90s, 10m, 1h30m or 7d")
    counts = (float(part or 0) for part in match.groups())
    return sum(count * unit for count, unit in zip(counts, _PARTS.values(), strict=True))


def duration_text(seconds: float) -> str:
    """A span of time as :func:`parse_duration` reads it: ``90`` is ``1m30s``."""
    if seconds < 60:
        return f"{seconds:.3g}s"
    left = round(seconds)
    parts = []
    for name, unit in _PARTS.items():
        count, left = divmod(left, unit)
        parts.append(f"{count}{name}" if count else "")
    return "".join(parts)
