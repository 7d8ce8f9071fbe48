"""Which licences a user accepts: names, wildcards, and one word for the permissive ones.

Licences are the short names of SPDX and of the Hugging Face hub, in letters of any case.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

PERMISSIVE = "permissive"
# They allow use, change and redistribution, sold or not, for a notice at most. What sets further
# terms is not among them: share-alike, copyleft, use restrictions (OpenRAIL), makers' own.
PERMISSIVE_LICENSES = frozenset(
    {
        "0bsd",
        "apache-2.0",
        "bsd",
        "bsd-2-clause",
        "bsd-3-clause",
        "bsd-3-clause-clear",
        "bsl-1.0",
        "cc-by-2.0",
        "cc-by-3.0",
        "cc-by-4.0",
        "cc0-1.0",
        "cdla-permissive-1.0",
        "cdla-permissive-2.0",
        "isc",
        "mit",
        "mit-0",
        "unlicense",
        "zlib",
    }
)
# Of an expression with brackets nothing is accepted but itself.
_UNCLEAR = re.compile(r"(?=.*[()]).* (and|or) .*")


def matches_license(license: str | None, wanted: Sequence[str]) -> bool:  # noqa: A002
    """Whether a licence is one of those accepted; one that is not known never is.

    Args:
        license: an SPDX name, or an expression: of ``A OR B`` one part must be accepted, of
            ``A AND B`` all of them.
        wanted: names, wildcards such as ``bsd-*``, or ``permissive``; commas separate several.

    Returns:
        Whether it is; also True if nothing in particular is wanted.
    """
    patterns = [part for text in wanted for part in split_licenses(text)]
    if not patterns:
        return True
    name = " ".join((license or "").lower().split())
    if _UNCLEAR.fullmatch(name):
        return name in patterns
    return any(
        all(_is_accepted(part.strip(), patterns) for part in choice.split(" and "))
        for choice in name.split(" or ")
    )


def split_licenses(text: str) -> list[str]:
    """The licences of one option's value: ``"MIT, bsd-*"`` is two of them, in small letters."""
    return [" ".join(part.lower().split()) for part in text.split(",") if part.strip()]


def _is_accepted(name: str, patterns: Sequence[str]) -> bool:
    if not name:
        return False
    return any(
        name in PERMISSIVE_LICENSES if pattern == PERMISSIVE else fnmatchcase(name, pattern)
        for pattern in patterns
    )
