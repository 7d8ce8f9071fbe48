"""Look for labels that are written in two ways, missing, joined, or no classes.

Labels are taken as they are written, but for one thing: Unicode has several ways to write one
letter, which look alike and are made alike. Everything else that is likely to be a mistake is
said, and numbers to regress on are refused.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

from acrank.errors import DataError

# Texts that spreadsheets and data frames write where a value is missing.
_MISSING = frozenset(
    (
        *("nan", "na", "n/a", "n.a.", "none", "null", "nil", "nat", "<na>", "#n/a", "#na"),
        *("missing", "undefined", "unlabeled", "unlabelled", "?", "-", "--"),
    )
)
_SEPARATORS = ("|", ";", ",", "+", "&", "/", " ")
_SHOWN = 3
# Fewer different numbers than this may be grades, however few images there are.
_FEW_FRACTIONS = 5
_FEW_NUMBERS = 10


def composed(text: str) -> str:
    """A label or path in Unicode's composed form (NFC), which macOS does not write.

    Args:
        text: to bring to it; bytes that are no UTF-8 stay as they are.
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def refuse_numbers(name: str, counts: Mapping[str, int]) -> None:
    """Refuse numbers that nearly all differ: they are measured, and no classes.

    Args:
        name: of the dataset.
        counts: images of each label.

    Raises:
        DataError: they do.
    """
    numbers = [_number(label) for label in counts]
    if None in numbers:
        return
    total, distinct = sum(counts.values()), len(counts)
    whole = all(number is not None and number.is_integer() for number in numbers)
    few = _FEW_NUMBERS if whole else _FEW_FRACTIONS
    if distinct <= few or 2 * distinct <= total:
        return
    raise DataError(
        f"{name}: its labels are numbers and nearly all differ: {distinct} of them in {total} "
        f"images, such as {_listed(list(counts))}. That is a regression target, not classes.",
        hint="Put ranges in place of the numbers, such as young, middle and old; if each number is "
        "a class name, give more images of each class.",
    )


def label_notices(counts: Mapping[str, int]) -> list[str]:
    """Say which labels are likely to be a mistake.

    Args:
        counts: images of each label.
    """
    notices = (_alike(counts), _missing(counts), _joined(counts), _single(counts), _many(counts))
    return [text for found in notices for text in found]


def _number(label: str) -> float | None:
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _folded(label: str) -> str:
    """Strip a label of case, spaces, underscores and the form of a number."""
    number = _number(label)
    if number is not None:
        return repr(number)
    text = unicodedata.normalize("NFKC", label).casefold()
    text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return re.sub(r"[\s_-]+", " ", text).strip()


def _alike(counts: Mapping[str, int]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for label in counts:
        groups.setdefault(_folded(label), []).append(label)
    found = [group for group in groups.values() if len(group) > 1]
    if not found:
        return []
    shown = "; ".join(" and ".join(_counted(counts, label) for label in g) for g in found[:_SHOWN])
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return [
        "Labels that differ only in case, spaces or the form of a number are separate classes: "
        f"{shown}{more}."
    ]


def _missing(counts: Mapping[str, int]) -> list[str]:
    found = [label for label in counts if label.casefold() in _MISSING]
    numbers = [_number(label) for label in counts]
    if all(number is not None for number in numbers):
        found += [label for label in counts if label in ("-1", "-1.0")]
    if not found:
        return []
    shown = " and ".join(_counted(counts, label) for label in found)
    one = len(found) == 1
    return [
        f"{shown} {'looks' if one else 'look'} like a missing label, and {'is' if one else 'are'} "
        f"taken as {'a class' if one else 'classes'}: leave such images out if they have none."
    ]


def _joined(counts: Mapping[str, int]) -> list[str]:
    """Say that labels join several others: each combination is a class of its own."""
    for separator in _SEPARATORS:
        parts = {label: _parts(label, separator) for label in counts if separator in label}
        known = {p for label in counts if label not in parts for p in _parts(label, separator)}
        shared = Counter(part for said in parts.values() for part in set(said))
        often = {part for part, count in shared.items() if count > 1}
        found = [
            label
            for label, said in parts.items()
            if len(said) > 1 and _joins(separator, set(said), known, often)
        ]
        if found:
            how = "spaces" if separator == " " else repr(separator)
            images = sum(counts[label] for label in found)
            return [
                f"{len(found)} of {len(counts)} labels join several by {how}, such as "
                f"{_counted(counts, found[0])}: each combination is treated as a separate class, "
                f"{images} images in all; images with several labels are not supported."
            ]
    return []


def _joins(separator: str, said: set[str], known: set[str], often: set[str]) -> bool:
    """Tell whether the parts of a label are labels; some separators need more evidence.

    Args:
        separator: of the parts; spaces and the like are in names of single classes too.
        said: the parts.
        known: labels without the separator.
        often: parts of several labels.
    """
    if separator in "|;":
        return bool(said & (known | often))
    return bool(said & known) if separator == "," else said <= known


def _parts(label: str, separator: str) -> list[str]:
    bare = label.strip("[](){}")
    return [part.strip(" '\"") for part in bare.split(separator) if part.strip(" '\"")]


def _single(counts: Mapping[str, int]) -> list[str]:
    single = [label for label, count in counts.items() if count == 1]
    if 2 * len(single) <= len(counts) or len(single) < 3:
        return []
    return [
        f"{len(single)} of {len(counts)} classes have a single image, such as "
        f"{_listed(single)}: too few to tell what a class looks like."
    ]


def _many(counts: Mapping[str, int]) -> list[str]:
    """Say that labels are numbers with fractions, each a class of its own."""
    numbers = [_number(label) for label in counts]
    if None in numbers or all(number is not None and number.is_integer() for number in numbers):
        return []
    return [
        f"The labels are {len(counts)} numbers, such as {_listed(list(counts))}: each is treated "
        "as a separate class, without an order."
    ]


def _counted(counts: Mapping[str, int], label: str) -> str:
    return f"{label!r} ({counts[label]})"


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(labels[:_SHOWN])
