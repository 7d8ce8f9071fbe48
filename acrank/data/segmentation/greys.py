"""Tell grey levels that are drawn classes from those that resizing or compression left.

Interpolation puts grey between black and white, along edges and nowhere else. A class fills areas.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from acrank.data.checks import listing
from acrank.data.segmentation.classmap import MOST_VALUES, WHITE, has_greys
from acrank.data.segmentation.maskfile import Codes
from acrank.errors import DataError

# Of the pixels of a value, those inside an area of it: edges of two pixels have none.
_INSIDE = 0.02
# Greys so near to black and white come of compression.
_NEAR = 8
# Of values in one mask.
_SHOWN = 6

MEND = (
    "Resize masks by their nearest pixel (in Pillow, Image.Resampling.NEAREST), or make them black "
    "and white again by a threshold: 255 where they are over 127, and 0 elsewhere. If each grey is "
    "a class, name every value in classes.yaml beside images/ and masks/."
)


class Greys(NamedTuple):
    """The grey levels of a mask that fill areas, and its share of black and white.

    Attributes:
        areas: the values that fill areas, and are not edges alone.
        ends: the share of its pixels that are 0 or 255.
    """

    areas: frozenset[int]
    ends: float


def look_at_greys(codes: Codes) -> Greys:
    """Tell values that fill areas from those along edges.

    Args:
        codes: integers from 0, of any number of dimensions.
    """
    counts = np.bincount(codes.ravel(), minlength=WHITE + 1)
    ends = float(counts[[0, WHITE]].sum() / codes.size)
    if min(codes.shape) < 3:
        return Greys(frozenset(), ends)
    middle = codes[(slice(1, -1),) * codes.ndim]
    inside = np.ones(middle.shape, dtype=bool)
    for shift in product((0, 1, 2), repeat=codes.ndim):
        inside &= codes[tuple(slice(start, start - 2 or None) for start in shift)] == middle
    areas = np.bincount(middle[inside], minlength=len(counts))
    return Greys(frozenset(np.flatnonzero(areas > _INSIDE * counts).tolist()), ends)


def made_up_greys(held: Sequence[Collection[int]], greys: Sequence[Greys | None]) -> frozenset[int]:
    """The values between 0 and 255 that no class has, because they lie along edges alone.

    Args:
        held: the values of each mask.
        greys: of those masks that have some; of none, if they were not looked at.
    """
    found = frozenset().union(*held)
    looked = [grey for grey in greys if grey]
    if not looked or not has_greys(found) or max(found) > WHITE:
        return frozenset()
    if len(found) > MOST_VALUES and sum(grey.ends for grey in looked) < len(looked) / 2:
        return frozenset()  # images rather than masks
    between = found - {0, WHITE}
    edges = {value for value in between if not _is_area(value, held, looked)}
    if WHITE not in found:  # thin objects, of which resizing leaves no white pixel
        return between if edges == between else frozenset()
    nearly_white = {value for value in between if value >= WHITE - _NEAR}
    nearly_black = {value for value in between if value <= _NEAR} if nearly_white else set()
    return frozenset(edges | nearly_white | nearly_black)


def _is_area(value: int, held: Sequence[Collection[int]], greys: Sequence[Greys]) -> bool:
    """Tell whether a value fills areas in at least half of the masks that hold it."""
    return 2 * sum(value in grey.areas for grey in greys) >= sum(value in each for each in held)


def refuse_made_up(
    name: str, where: Sequence[str], held: Sequence[Collection[int]], values: Collection[int]
) -> None:
    """Refuse masks that hold some of these values.

    Args:
        name: of the dataset.
        where: each mask's file.
        held: the values of each.
        values: that no class has.

    Raises:
        DataError: there are such masks; it names them.
    """
    lines = [
        f"{file}: {_few(sorted(each & frozenset(values)))}"
        for file, codes in zip(where, held, strict=True)
        if (each := frozenset(codes)).intersection(values)
    ]
    if lines:
        raise DataError(
            f"{name}: {len(lines)} of {len(held)} masks hold grey between 0 and 255 along edges "
            f"alone, as resizing by interpolation, or compression, makes it:{listing(lines)}",
            hint=MEND,
        )


def _few(values: list[int]) -> str:
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return ", ".join(map(str, values[:_SHOWN])) + more
