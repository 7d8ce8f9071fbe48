"""Match licences with those that a user accepts: names, wildcards, or ``permissive``.

Licences are the short names of SPDX and of the Hugging Face hub, in letters of any case; what
people write of the usual ones in words (``Apache License, Version 2.0``) is read as those names.
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
# What a name in words comes down to, without the words that say nothing; SPDX has no such table,
# and the libraries for SPDX know its short names alone.
_WORDS = {
    "0bsd": ("bsd zero clause", "zero clause bsd", "bsd 0 clause", "0 clause bsd"),
    "apache-2.0": ("apache 2.0", "apache 2", "apache2", "apache2.0", "asl 2.0", "al2", "al 2.0"),
    "bsd": (),
    "bsd-2-clause": (
        *("bsd 2 clause", "2 clause bsd", "bsd 2", "simplified bsd", "freebsd"),
        *("bsd 2 clause simplified", "bsd simplified", "bsd2"),
    ),
    "bsd-3-clause": (
        *("bsd 3 clause", "3 clause bsd", "bsd 3", "new bsd", "modified bsd", "revised bsd"),
        *("bsd 3 clause new or revised", "bsd new", "bsd revised", "bsd3"),
    ),
    "bsd-3-clause-clear": ("bsd 3 clause clear", "clear bsd"),
    "bsl-1.0": ("boost 1.0", "boost", "bsl 1.0"),
    "cc0-1.0": (
        *("cc0", "cc0 1.0", "cc0 1.0 universal", "cc zero", "creative commons zero"),
        *("creative commons zero 1.0", "creative commons zero 1.0 universal", "cc 0 1.0"),
    ),
    "isc": (),
    "mit": ("expat", "mit expat"),
    "mit-0": ("mit 0", "mit no attribution"),
    "unlicense": (),
    "zlib": (),
} | {
    f"cc-by-{number}": tuple(
        f"{start} {number}{end}"
        for start in ("cc by", "creative commons attribution", "creative commons by")
        for end in ("", " international", " unported", " generic")
    )
    for number in ("2.0", "3.0", "4.0")
}
_SHORT = {words: name for name, known in _WORDS.items() for words in (name, *known)}
_SAYS_NOTHING = re.compile(r"\b(the|licen[cs]ed?|version|software|public|under|v(?=\d))\s*")
# Of an expression with brackets nothing is accepted but itself.
_UNCLEAR = re.compile(r"(?=.*[()]).* (and|or) .*")


def matches_license(license: str | None, wanted: Sequence[str]) -> bool:  # noqa: A002
    """Return whether a licence is among those accepted; an unknown licence never is.

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
    if (short := spdx_name(name)) != name:
        return _is_accepted(short, patterns) or _is_accepted(name, patterns)
    if _UNCLEAR.fullmatch(name):
        return name in patterns
    return any(
        all(_is_accepted(part.strip(), patterns) for part in choice.split(" and "))
        for choice in name.split(" or ")
    )


def spdx_name(text: str) -> str:
    """The short name of a licence that is written in words; what is not known stays as it is.

    Args:
        text: of one licence, not of an expression; in small letters.
    """
    if text in PERMISSIVE_LICENSES:
        return text
    twice = re.fullmatch(r"(.+?) \((.+)\)", text)
    if twice and (name := spdx_name(twice[1])) == spdx_name(twice[2]):
        return name
    plain = re.sub(r"[\s,;_\-\"'()]+", " ", text).strip()
    words = " ".join(_SAYS_NOTHING.sub("", plain).split())
    return _SHORT.get(words, text)


def split_licenses(text: str) -> list[str]:
    """The licences of one option's value: ``"MIT, bsd-*"`` is two of them, in small letters."""
    return [" ".join(part.lower().split()) for part in text.split(",") if part.strip()]


def _is_accepted(name: str, patterns: Sequence[str]) -> bool:
    if not name:
        return False
    short = spdx_name(name)
    return any(
        short in PERMISSIVE_LICENSES
        if pattern == PERMISSIVE
        else fnmatchcase(name, pattern) or fnmatchcase(short, pattern)
        for pattern in patterns
    )
