"""Recognise masks that number the objects of an image, which are no classes.

Such a mask holds 1 to as many as there are objects, each in one piece: those of PennFudan, Pascal
VOC's SegmentationObject, label images of cells. With few objects an image the numbers look
like classes, and the second of the objects is no other kind than the first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

from acrank.data.checks import Fault
from acrank.data.images import PathSource
from acrank.data.segmentation.classmap import IGNORE
from acrank.data.segmentation.labels import Labelled
from acrank.data.segmentation.maskfile import Codes, read_mask
from acrank.errors import DataError

# So many masks with objects, and different numbers of them, have to be met: a few masks of classes
# may happen to look alike.
_FEWEST = 6
_DIFFERENT = 3
# Of the masks, with the most objects first.
_LOOKED_AT = 8
# Of the objects, those in one piece: others stand in front of some.
_WHOLE = 0.8

_HINT = (
    "Give each pixel its class: for one kind of object, 255 where a mask is not 0, and 0 "
    "elsewhere. If the values are classes, name each in classes.yaml beside images/ and masks/."
)


def refuse_objects(name: str, masks: Sequence[Labelled]) -> None:
    """Refuse masks that number objects.

    Args:
        name: of the dataset.
        masks: all of them, whose classes nobody has named.

    Raises:
        DataError: they do.
    """
    counts = [_count(mask.codes) for mask in masks]
    some = [count for count in counts if count]
    if None in counts or len(some) < _FEWEST or len(set(some)) < _DIFFERENT:
        return
    if 2 * some.count(max(some)) >= len(some):
        return  # classes, of which some masks lack the last
    most = sorted(zip(counts, masks, strict=True), key=lambda pair: -(pair[0] or 0))
    read = (read_mask(PathSource(Path(mask.where)), colour=False) for _, mask in most[:_LOOKED_AT])
    whole = [one for mask in read if not isinstance(mask, Fault) for one in _pieces(mask.codes)]
    if not whole or sum(whole) < _WHOLE * len(whole):
        return
    (first, one), (last, other) = most[0], next(p for p in most[::-1] if p[0])
    raise DataError(
        f"{name}: its masks seem to number objects, which are not classes: each holds the values "
        f"from 1 to as many as it has objects, each of them in one piece (1 to {first} in "
        f"{one.where}, {'1' if last == 1 else f'1 to {last}'} in {other.where}).",
        hint=_HINT,
    )


def _count(codes: Collection[int]) -> int | None:
    """Count the numbers in a mask, from 1 on; None if some are left out."""
    numbers = set(codes) - {0, IGNORE}
    return len(numbers) if numbers == set(range(1, len(numbers) + 1)) else None


def _pieces(codes: Codes) -> Iterable[bool]:
    """Tell whether each object of a mask is in one piece, touching corners included."""
    from scipy import ndimage  # takes long, and other data do not need it

    for number in np.unique(codes):
        if number not in (0, IGNORE):
            _, pieces = ndimage.label(codes == number, structure=np.ones((3, 3)))
            yield pieces == 1
