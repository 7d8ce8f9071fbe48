"""Tell the user in sentences how the pixels of a sample were read."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from acrank.data.decode import DEPTHS, Decoded, Pixels, grey_depth
from acrank.data.imagefile import MANY

# Up to these shares of the images beyond 8 bits, or of their pixels, a few decide the depth of all.
FEW_IMAGES = 0.1
FEW_PIXELS = 0.01
# Images from which on that is looked for.
_SEVERAL = 4
_NAMED = 3


def pixel_notices(
    names: Sequence[str], images: Sequence[Decoded], pixels: Sequence[Pixels]
) -> list[str]:
    """Say what was guessed, left out or filled in where the images were read.

    Args:
        names: of the images.
        images: as they were decoded.
        pixels: what became of them.
    """
    return [
        *_depth(names, images),
        *_frames(images),
        *_transparency(images),
        *_noted(images),
        *_left_by_window(images),
        *_flat(names, images, pixels),
    ]


def _depth(names: Sequence[str], images: Sequence[Decoded]) -> list[str]:
    """Say which bit depth images beyond 8 bits were taken to have, and whether few decide it."""
    deep = {
        name: image for name, image in zip(names, images, strict=True) if image.peak is not None
    }
    peaks = {name: image.peak or 0 for name, image in deep.items()}
    if not peaks:
        return []
    peak, depth = max(peaks.values()), grey_depth(peaks.values())
    notice = (
        f"{len(deep)} of {len(images)} images have 16-bit values; the largest is {peak}, so they "
        f"are read as {depth}-bit: 0 to {2**depth - 1} becomes 0 to 255."
    )
    if len(deep) < _SEVERAL:
        return [notice]
    size = sum(image.values.size for image in deep.values())
    for rest in (bits for bits in DEPTHS if bits < depth):
        above = [name for name, largest in peaks.items() if largest >= 2**rest]
        share = sum(int((deep[name].values >= 2**rest).sum()) for name in above) / size
        if len(above) <= max(1, FEW_IMAGES * len(deep)) or share <= FEW_PIXELS:
            return [notice, _few_decide(above, share, rest, depth)]
    return [notice]


def _few_decide(above: Sequence[str], share: float, rest: int, depth: int) -> str:
    """Say that a marker, or a defect, makes all else darker."""
    said = _listed(above)
    who = "1 image decides" if len(above) == 1 else f"{len(above)} images decide"
    return (
        f"{who} that ({said}), with {100 * share:.2g} % of all pixels: without, the images would "
        f"be read as {rest}-bit and be {2 ** (depth - rest)} times as bright. If those pixels are "
        "a marker or a defect, mend or leave out what has them."
    )


def _frames(images: Sequence[Decoded]) -> list[str]:
    counts = [image.frames for image in images if image.frames > 1]
    if not counts:
        return []
    exact = f"{counts[0]}" if len(set(counts)) == 1 and counts[0] < MANY else "several"
    return [
        f"{len(counts)} of {len(images)} images have {exact} pages or frames, of which the first "
        "is used. If another one is meant, or all are channels of one image, save that as a file "
        "of its own."
    ]


def _transparency(images: Sequence[Decoded]) -> list[str]:
    count = sum(image.transparent for image in images)
    if not count:
        return []
    return [f"{count} of {len(images)} images have transparent pixels, which are laid over black."]


def _noted(images: Sequence[Decoded]) -> list[str]:
    """Say what the formats of the images assumed."""
    counts = Counter(note for image in images for note in image.notes)
    return [f"{count} of {len(images)} images {note}." for note, count in counts.items()]


def _left_by_window(images: Sequence[Decoded]) -> list[str]:
    """Say which images of a dataset a window of the user's has no part in."""
    if all(image.windowed is None for image in images):
        return []
    left = sum(not image.windowed for image in images)
    return (
        [
            f"{left} of {len(images)} images are left as they are by --window: they are in colour, "
            "or in a format without units."
        ]
        if left
        else []
    )


def _flat(names: Sequence[str], images: Sequence[Decoded], pixels: Sequence[Pixels]) -> list[str]:
    """Say that images hold a single value, which tells a network nothing."""
    flat = (bool((values == values[0, 0]).all()) for values in pixels)
    found = [place for place, each in enumerate(flat) if each]
    if not found:
        return []
    colours = {tuple(np.atleast_1d(pixels[place][0, 0]).tolist()) for place in found}
    what = _in_words(next(iter(colours))) if len(colours) == 1 else "one colour each"
    paged = all(images[place].frames > 1 for place in found)
    where = "in the page that is used" if paged else "all over"
    said = _listed([names[place] for place in found])
    return [f"{len(found)} of {len(images)} images hold nothing but {what} {where} ({said})."]


def _in_words(colour: tuple[int, ...]) -> str:
    if len(set(colour)) == 1:
        return {0: "black", 255: "white"}.get(colour[0], f"the grey value {colour[0]}")
    return f"the colour {list(colour)}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
