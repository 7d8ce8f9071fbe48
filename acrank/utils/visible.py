"""Text from elsewhere made safe to show: names, paths and messages of other programs.

An escape sequence in a model's name could rewrite what a terminal shows, and a bidirectional
override could make one name look like another. Letters of every script stay as they are.
"""

from __future__ import annotations

import re
import unicodedata

# Overrides, embeddings, isolates and marks of the bidirectional algorithm.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Controls; lone surrogates, as of file names that are no UTF-8; separators of lines, paragraphs.
_HIDDEN = frozenset(("Cc", "Cs", "Zl", "Zp"))

# What pipelines take for commands: ##[error] anywhere, ::error:: where a line begins with it.
_HASHES = r"#(?=#\w*\[)"
_COMMAND = re.compile(rf"(?m)^([^\S\n]*):(?=:)|{_HASHES}")


def visible(text: str, *, keep: str = "") -> str:
    r"""The same text with control characters as escapes, such as ``\x1b`` and ``\n``.

    So is the first character of what pipelines take for commands: ``::error::``, ``##[error]``.

    Args:
        text: to show.
        keep: control characters that are not from elsewhere, such as a listing's newlines.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(char if char in keep else _shown(char) for char in text)
    return _COMMAND.sub(_escaped, text) if "::" in text or "##" in text else text


def _escaped(found: re.Match[str]) -> str:
    return f"{found[1] or ''}\\x{ord(found[0][-1]):02x}"


def _shown(char: str) -> str:
    hidden = char in _BIDI or unicodedata.category(char) in _HIDDEN
    return char.encode("unicode_escape").decode("ascii") if hidden else char


def json_visible(document: str) -> str:
    """A JSON document with the same characters as JSON escapes: it reads back to the same."""
    document = re.sub(_HASHES, r"\\u0023", document)
    if document.isascii():
        return document
    return "".join(
        char if char == "\n" or _shown(char) == char else f"\\u{ord(char):04x}" for char in document
    )


def brief(value: object, longest: int = 200) -> str:
    """A value's text, cut where it is long; for messages that quote what somebody wrote."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text):,} characters)"


def first_line(error: BaseException) -> str:
    """Return the first line of an error without its full stop, or its type if it has no text."""
    said = str(error).strip().splitlines()
    return said[0].rstrip(". ") if said else type(error).__name__


def typed_line(error: BaseException) -> str:
    """The type of an error, and what it says in its first line, without a full stop."""
    name = type(error).__name__
    return f"{name}: {first_line(error)}" if str(error).strip() else name
