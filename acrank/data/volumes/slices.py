"""Cut slices of volumes with their labels, oriented as radiologists view them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

# Of the voxels shown, in per cent: what lies outside is black or white.
_RANGE = (0.5, 99.5)

Pixels = npt.NDArray[np.uint8]


class Plane(NamedTuple):
    """Orientation of a slice: front or head at the top; the patient's right, or front, at the left.

    Attributes:
        name: of the plane.
        across: axis of the volume that it cuts.
        rows: axis of the volume from the slice's bottom to its top.
        columns: axis of the volume from the slice's right to its left.
    """

    name: str
    across: int
    rows: int
    columns: int


PLANES = (
    Plane("axial", 2, rows=1, columns=0),
    Plane("coronal", 1, rows=2, columns=0),
    Plane("sagittal", 0, rows=2, columns=1),
)


class Slice(NamedTuple):
    """A square slice of a volume with its labels.

    Attributes:
        plane: its name.
        image: grey.
        mask: class indices; 255 is to be ignored.
    """

    plane: str
    image: Pixels
    mask: Pixels


def slices_of(
    volume: npt.NDArray[np.float32],
    mask: Pixels,
    spacing: Sequence[float],
    background: int,
    side: int,
    shows: Pixels | None = None,
) -> Iterator[Slice]:
    """Return for each axis the slice with most foreground, or the middle one where there is none.

    Args:
        volume: (X, Y, Z), from left to right, back to front and foot to head.
        mask: class indices of its voxels; 255 is to be ignored.
        spacing: of the voxels.
        background: the class that is no object.
        side: pixels of a slice, which is as long as its longer side.
        shows: the mask that chooses the slices; None for ``mask`` itself.
    """
    low, high = np.percentile(volume, _RANGE)
    grey = (255 * (volume.clip(low, high) - low) / max(high - low, 1e-6)).astype(np.uint8)
    chosen = mask if shows is None else shows
    objects = (chosen != background) & (chosen != 255)
    for plane in PLANES:
        index = _fullest(objects, plane.across)
        shown = [_turned(np.take(values, index, axis=plane.across)) for values in (grey, mask)]
        size = (spacing[plane.rows], spacing[plane.columns])
        yield Slice(
            plane.name,
            _squared(shown[0], size, side, 0, smooth=True),
            _squared(shown[1], size, side, background, smooth=False),
        )


def _fullest(objects: npt.NDArray[np.bool_], axis: int) -> int:
    others = tuple(other for other in range(3) if other != axis)
    counts = objects.sum(axis=others)
    return int(counts.argmax()) if counts.any() else objects.shape[axis] // 2


def _turned(values: npt.NDArray[Any]) -> Pixels:
    """Turn a slice so that rows run from its top and columns from its left."""
    return values.T[::-1, ::-1]


def _squared(
    values: Pixels, size: tuple[float, float], side: int, around: int, *, smooth: bool
) -> Pixels:
    """Resize a slice to its proportions and centre it in a square."""
    from PIL import Image

    lengths = [many * one for many, one in zip(values.shape, size, strict=True)]
    height, width = (max(1, round(side * length / max(lengths))) for length in lengths)
    kind = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    resized = np.asarray(
        Image.fromarray(np.ascontiguousarray(values)).resize((width, height), kind)
    )
    square = np.full((side, side), around, dtype=np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = resized
    return square
