"""Match masks to images by their names.

Names are equal, or one of them has something before or behind the common part: ``x_mask``,
``x_segmentation``, ``mask_x``, or ``21_training`` with ``21_manual1``. What that is, is told from
the names themselves: whatever makes the most pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

Files = dict[str, list[Path]]

# Of images that have to share a beginning or an end, for it to be no part of their own names.
_COMMON = 0.8
# Of what most masks have around the names of images, so many are tried, as found in so many masks.
_TRIED = 6
_LOOKED_AT = 500


class Affix(NamedTuple):
    """The text before and behind the common part of a name."""

    before: str = ""
    after: str = ""

    def strip(self, name: str) -> str | None:
        """The common part of a name; None if the name has not this affix, or nothing else.

        Args:
            name: of a file without extension, below a folder: the affix is of its last part.
        """
        folder, slash, stem = name.rpartition("/")
        end = len(stem) - len(self.after)
        if not stem.startswith(self.before) or not stem.endswith(self.after):
            return None
        return folder + slash + stem[len(self.before) : end] if end > len(self.before) else None

    def __str__(self) -> str:
        return f"{self.before}NAME{self.after}"


@dataclass(frozen=True)
class Naming:
    """The rule by which names of masks follow from those of images.

    Attributes:
        image: what the names of images have around the common part.
        mask: likewise of the masks.
        pairs: the name of the image for each mask that has one.
    """

    image: Affix
    mask: Affix
    pairs: Mapping[str, str]

    @property
    def same(self) -> bool:
        """Tell whether images and masks have the same names."""
        return self.image == self.mask

    def __str__(self) -> str:
        if self.same:
            return "the same names"
        return f"{self.image} with {self.mask}" if any(self.image) else str(self.mask)

    def by_image(self, masks: Files) -> Files:
        """The masks, by the names of their images; those without one keep their own."""
        found: Files = {}
        for name, files in masks.items():
            found.setdefault(self.pairs.get(name, name), []).extend(files)
        return found


def find_naming(images: Iterable[str], masks: Iterable[str]) -> Naming | None:
    """Find what makes the most pairs; None if fewer than half of the names make one.

    Args:
        images: names without extension, below a folder.
        masks: likewise.
    """
    names, others = list(images), list(masks)
    known = set(names)
    equal = {name: name for name in others if name in known}
    if 2 * len(equal) > max(len(names), len(others)):
        return Naming(Affix(), Affix(), equal)
    found = [naming for affix in _image_affixes(names) for naming in _namings(names, others, affix)]
    if not found:
        return None
    best = max(found, key=lambda naming: (len(naming.pairs), -_length(naming)))
    enough = 2 * len(best.pairs) >= min(len(names), len(others))
    return best if best.pairs and enough else None


def several_each(images: Iterable[str], masks: Collection[str]) -> tuple[str, list[str]] | None:
    """Tell whether half of the images have several masks whose names begin with theirs.

    Args:
        images: names without extension, below a folder.
        masks: likewise.

    Returns:
        One of these images with its masks.
    """
    names = set(images)
    held: dict[str, list[str]] = {}
    for mask in masks:
        start = len(mask) - len(mask.rpartition("/")[2])
        cuts = (mask[:end] for end in range(len(mask), start, -1) if _parted(mask, end))
        longest = next((name for name in cuts if name in names), None)
        if longest is not None:
            held.setdefault(longest, []).append(mask)
    several = {name: found for name, found in held.items() if len(found) > 1}
    if not several or 2 * len(several) < len(names):
        return None
    return next(iter(several.items()))


def _length(naming: Naming) -> int:
    return sum(map(len, (*naming.image, *naming.mask)))


def _image_affixes(names: list[str]) -> list[Affix]:
    """Find the text that names of images share: none, or what nearly all have."""
    stems = [name.rpartition("/")[2] for name in names]
    befores = ["", *_common(_beginning(stem) for stem in stems)]
    afters = ["", *_common(_ending(stem) for stem in stems)]
    return [Affix(before, after) for before in befores for after in afters]


def _common(parts: Iterable[str]) -> list[str]:
    counts = Counter(parts)
    total = sum(counts.values())
    return [part for part, count in counts.most_common(1) if part and count >= _COMMON * total]


def _beginning(stem: str) -> str:
    """Letters, and separators behind them: ``img_`` of ``img_007``."""
    end = next((place for place, char in enumerate(stem) if not char.isalpha()), 0)
    while end and end < len(stem) and not stem[end].isalnum():
        end += 1
    return stem[:end]


def _ending(stem: str) -> str:
    """The last word with the separator before it: ``_training`` of ``21_training``."""
    start = len(stem)
    while start and stem[start - 1].isalnum():
        start -= 1
    return stem[start - 1 :] if start else ""


def _namings(names: list[str], masks: list[str], image: Affix) -> Iterator[Naming]:
    keys = {key: name for name in names if (key := image.strip(name)) is not None}
    sample = masks[:: 1 + len(masks) // _LOOKED_AT]
    counts = Counter(affix for mask in sample for affix in _around(mask, keys))
    for affix, _ in counts.most_common(_TRIED):
        stripped = {mask: affix.strip(mask) for mask in masks}
        yield Naming(image, affix, {m: keys[key] for m, key in stripped.items() if key in keys})


def _around(mask: str, keys: Collection[str]) -> Iterator[Affix]:
    """Find the text around each key that a mask's name contains as a whole."""
    folder, slash, stem = mask.rpartition("/")
    cuts = [place for place in range(len(stem) + 1) if _parted(stem, place)]
    for place, start in enumerate(cuts):
        for end in cuts[place + 1 :]:
            if folder + slash + stem[start:end] in keys:
                yield Affix(stem[:start], stem[end:])


def _parted(name: str, place: int) -> bool:
    """Tell whether a name may be cut here, which is not inside a word or a number."""
    if place in (0, len(name)):
        return True
    one, other = name[place - 1], name[place]
    return not ((one.isalpha() and other.isalpha()) or (one.isdigit() and other.isdigit()))
