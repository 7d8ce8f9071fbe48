"""Write the notices on the images of a fine-tuning: copies, missing classes, sides."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Held = npt.NDArray[np.bool_]
# Names that a notice lists.
NAMED = 5
# Words for the two sides, in languages and abbreviations that datasets use.
SIDES = (
    *(("left", "right"), ("l", "r"), ("lt", "rt"), ("lh", "rh"), ("lhs", "rhs"), ("os", "od")),
    *(("sinister", "dexter"), ("sin", "dex"), ("sx", "dx"), ("west", "east")),
    *(("links", "rechts"), ("linke", "rechte"), ("gauche", "droite"), ("gauche", "droit")),
    *(("izquierda", "derecha"), ("izquierdo", "derecho"), ("sinistra", "destra")),
    *(("esquerda", "direita"), ("esquerdo", "direito")),
)


@dataclass(frozen=True)
class Part:
    """The training, validation or test images.

    Attributes:
        name: name of their use, such as ``validation``.
        digests: hash of each image's bytes.
        held: True where an image, or its mask, is of a class, (K,).
    """

    name: str
    digests: Sequence[str]
    held: Held


@dataclass(frozen=True)
class Wording:
    """The words that notices use for images, or for volumes.

    Attributes:
        things: plural noun.
        holds: sentence that none of a part, whose name it takes, is of some classes.
        measures: measures that leave such classes out.
    """

    things: str
    holds: str
    measures: str


def copied(training: Part, others: Sequence[Part], things: str) -> list[str]:
    """Say how many images that judge a network are byte-equal to images that shaped it.

    Args:
        training: the training images.
        others: validation images, and maybe test images after them.
        things: plural noun for the images.
    """
    found = []
    for place, part in enumerate(others):
        for earlier in (training, *others[:place]):
            equal = sum(digest in set(earlier.digests) for digest in part.digests)
            if equal:
                how = "trained on" if earlier is training else f"used for {earlier.name}"
                found.append(
                    f"{equal} of {len(part.digests)} {part.name} {things} are byte-equal to "
                    f"{earlier.name} {things}: they were {how}, so measures on them are too good"
                )
    return found


def missing(parts: Sequence[Part], classes: Sequence[str], wording: Wording) -> list[str]:
    """Say which classes cannot be judged, as no validation or test image is of them."""
    found = []
    for part in parts:
        absent = [name for name, there in zip(classes, part.held, strict=True) if not there]
        if absent:
            said = wording.holds.format(part.name, listed(absent))
            found.append(f"{said}, which {wording.measures} leave out")
    return found


def sided(classes: Sequence[str]) -> list[str]:
    """Say that classes are named by their side, where training images are mirrored."""
    pairs = [pair for pair in itertools.combinations(classes, 2) if _mirrored(*pair)]
    if not pairs:
        return []
    one, other = pairs[0]
    return [
        f"the classes {one} and {other} look like left and right, and training images are "
        "mirrored: if a mirrored image belongs to the other class, give --no-flip (flip: false)"
    ]


def _mirrored(one: str, other: str) -> bool:
    """Tell if two names differ only in the word, or the leading capital, for a side."""
    words, others = _words(one), _words(other)
    if len(words) == len(others):
        apart = [pair for pair in zip(words, others, strict=True) if pair[0] != pair[1]]
        if len(apart) == 1 and _sides(*apart[0]):
            return True
    views = list(zip(re.split(r"[\W_]+", one), re.split(r"[\W_]+", other), strict=False))
    unlike = [pair for pair in views if pair[0] != pair[1]]
    return len(one) == len(other) and len(unlike) == 1 and _views(*unlike[0])


def _views(one: str, other: str) -> bool:
    """Tell if two abbreviations differ in the side that they begin with, as LCC and RCC do."""
    short = one.isupper() and other.isupper() and 2 <= len(one) == len(other) <= 4
    return short and one[1:] == other[1:] and _sides(one[0].lower(), other[0].lower())


def _sides(one: str, other: str) -> bool:
    if (one, other) in SIDES or (other, one) in SIDES:
        return True
    # as in leftlung and rightlung
    return any(
        one.replace(side, opposite) == other and side in one
        for side, opposite in (("left", "right"), ("right", "left"))
    )


def _words(name: str) -> list[str]:
    """Split a name into words at capitals and at anything but letters and digits."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.sub(r"[\W_]+", " ", parted).lower().split()


def listed(names: Collection[str]) -> str:
    """List some of the names, and how many more there are."""
    shown = ", ".join(itertools.islice(names, NAMED))
    more = len(names) - NAMED
    return f"{shown} and {more} more" if more > 0 else shown
