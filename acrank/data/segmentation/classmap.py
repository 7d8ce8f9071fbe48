"""Map the values or colours of masks to classes."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from acrank.errors import DataError

# In a class-index mask: the pixel counts for nothing.
IGNORE = 255
# In a mask of grey levels: the lightest.
WHITE = 255
# Beyond it values are grey levels rather than indices that somebody counted.
LARGEST_INDEX = 32
# Of values that nobody has named; more of them are hardly classes.
MOST_VALUES = 64

# From so many grey levels on that lie unevenly, they may be many indices with 255 beside them.
_MANY_LEVELS = 8

_NAME_THEM = (
    "Masks hold one value per class, not per object. "
    "If these are classes, name each value in classes.yaml beside images/ and masks/."
)


@dataclass(frozen=True)
class ClassMap:
    """The classes, and how masks write them.

    A colour is kept as one number, as in ``0xff0000`` for red.

    Attributes:
        names: of the classes, in the order of their indices.
        codes: the value, or the colour, of each.
        ignore: the value, or the colour, of pixels that count for nothing; None if there is none.
        colour: whether the codes are colours.
    """

    names: tuple[str, ...]
    codes: tuple[int, ...]
    ignore: int | None = None
    colour: bool = False

    @property
    def background(self) -> int | None:
        """The code of the class that is no object: the one so called, or else 0, or black."""
        if "background" in self.names:
            return self.codes[self.names.index("background")]
        return 0 if 0 in self.codes else None

    def strangers(self, codes: Collection[int]) -> list[int]:
        """Those codes that stand for nothing, in ascending order."""
        return sorted(set(codes).difference(self.codes, (self.ignore,)))

    def indices(self, codes: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Turn codes to class indices, and those to be ignored to ``IGNORE``.

        All codes must be known: see :meth:`strangers`.
        """
        known = [*self.codes] if self.ignore is None else [*self.codes, self.ignore]
        meaning = [*range(len(self.codes)), IGNORE][: len(known)]
        order = np.argsort(known)
        places = np.searchsorted(np.array(known)[order], codes)
        return np.array(meaning, dtype=np.uint8)[order][places]

    def say(self, code: int) -> str:
        """A code as somebody would write it: ``7``, or ``[255, 0, 0]``."""
        return str(list(code.to_bytes(3, "big")) if self.colour else code)


_BINARY = ([0, 1], [0, WHITE], [0, 65535])


def has_greys(values: Collection[int]) -> bool:
    """Tell whether values are grey levels, not indices with or without 255 beside them.

    Args:
        values: of one mask, or of all.
    """
    return any(LARGEST_INDEX < value < WHITE for value in values)


def infer_class_map(name: str, masks: Sequence[Collection[int]]) -> tuple[ClassMap, list[str]]:
    """Take the values found in the masks for classes, and say what was assumed.

    Args:
        name: of the dataset.
        masks: the values that each mask holds.

    Raises:
        DataError: there are too many values, too large ones, or they contradict one another.
    """
    counts = Counter(value for values in masks for value in values)
    found = sorted(counts)
    if found not in _BINARY:
        _refuse_other_images(name, found)
    if found in _BINARY:
        return ClassMap(("background", "foreground"), tuple(found)), []
    if len(found) < 3 or IGNORE not in found:
        return ClassMap(tuple(map(str, found)), tuple(found)), _no_background(found)
    *values, _ = found
    if has_greys(values) and (len(values) < _MANY_LEVELS or _are_even(found)):
        notice = (
            f"The values {', '.join(map(str, found))} are read as {len(found)} classes, including "
            "255. classes.yaml can name them, and say if one of them is to be ignored."
        )
        return ClassMap(tuple(map(str, found)), tuple(found)), [notice, *_no_background(found)]
    if values == [0, 1]:
        _refuse_two_binaries(name, masks)
    inferred, further = infer_class_map(name, [values])
    notice = (
        f"The value {IGNORE} is read as 'ignore', not as a class: {counts[IGNORE]} of "
        f"{len(masks)} masks have it beside {', '.join(map(str, values))}. classes.yaml can say "
        "otherwise."
    )
    return ClassMap(inferred.names, inferred.codes, IGNORE), [notice, *further]


def _no_background(found: Sequence[int]) -> list[str]:
    """Say that no class is the background, which values alone do not tell without 0."""
    if 0 in found or len(found) < 2:
        return []
    return [
        f"No mask has the value 0, so each of {', '.join(map(str, found))} counts as an object. "
        "classes.yaml can call one of them background."
    ]


def _are_even(found: Sequence[int]) -> bool:
    """Tell whether values are evenly spread, as 0, 51, 102, 153, 204, 255 are."""
    step = (found[-1] - found[0]) / (len(found) - 1)
    return all(abs(value - found[0] - place * step) <= 1 for place, value in enumerate(found))


def _refuse_other_images(name: str, found: Sequence[int]) -> None:
    classes = len(found) - (IGNORE in found)
    if classes > MOST_VALUES or found[-1] > IGNORE:
        raise DataError(
            f"{name}: the masks hold {len(found)} different values, {found[0]} to {found[-1]}: "
            f"without classes.yaml, at most {MOST_VALUES} values of 0 to {IGNORE} are taken for "
            "classes. They may be instance maps, images, or masks that were resized or "
            "compressed with loss.",
            hint=_NAME_THEM,
        )


def _refuse_two_binaries(name: str, masks: Sequence[Collection[int]]) -> None:
    """Refuse 0, 1 and 255 if some masks seem to be 0 and 1 and others 0 and 255."""
    if not any({1, IGNORE} <= set(values) for values in masks):
        ones = sum(1 in values for values in masks)
        others = sum(IGNORE in values for values in masks)
        raise DataError(
            f"{name}: {ones} masks hold the value 1 and {others} the value {IGNORE}, but none "
            "both: the foreground seems to be written in two ways.",
            hint="Write it in one way, or say in classes.yaml which of them is a class.",
        )
