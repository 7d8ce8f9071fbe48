"""Small pictures of the images that a run drew, with their masks over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from acrank.data.segmentation.classmap import IGNORE
from acrank.data.volumes.slices import PLANES, slices_of
from acrank.report.figures.colours import DARK_GREY, LIGHT_GREY, class_colours, rgb
from acrank.report.html.jpeg import jpeg_uri

if TYPE_CHECKING:
    from acrank.data.segmentation import SegmentationSample
    from acrank.data.volumes import VolumeSample

# Pixels along a side; the page shows them so large.
SIZE = 160
# Pages are sent by mail.
MOST = 24
# Of the classes of an image, how many its description names.
TOLD = 3

# Masks are drawn larger and then reduced, which smooths their outlines.
_FINER = 2
# Opacity, of 255.
_FILL, _HATCHED = 96, 176
# Pixels from one pair of hatching lines, a dark one and a light one, to the next; across a line.
_PERIOD, _LINE = 14, 3

Pixels = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MaskClass:
    """A class of the masks.

    Attributes:
        name: of the class.
        colour: in which it is drawn, as ``#rrggbb``; empty if it is not.
        share: of all the sample's pixels.
        images: how many images of the sample it is in.
    """

    name: str
    colour: str
    share: str
    images: int


@dataclass(frozen=True)
class MaskedImage:
    """An image with its mask.

    Attributes:
        uri: as a ``data:`` URI.
        told: its largest classes, in words.
        plane: of a slice of a volume; empty for an image.
    """

    uri: str
    told: str
    plane: str = ""


@dataclass(frozen=True)
class Overlays:
    """Images with their masks, and what the colours mean.

    Attributes:
        classes: all of them.
        images: some of the sample.
        drawn: how many images the sample has.
        ignored: the pixels that count for nothing; None if there are none.
        planes: how many slices stand for one volume; 0 for images.
    """

    classes: tuple[MaskClass, ...]
    images: tuple[MaskedImage, ...]
    drawn: int
    ignored: MaskClass | None = None
    planes: int = 0


def make_overlays(sample: SegmentationSample | VolumeSample) -> Overlays:
    """Thumbnails of a sample with its masks: spread over it, square as networks see them.

    Of volumes, the three slices that show most of the foreground.

    Args:
        sample: that a run has drawn.
    """
    from acrank.data.volumes import VolumeSample

    planes = len(PLANES) if isinstance(sample, VolumeSample) else 0
    colours = _colours(sample.classes)
    counts = np.stack([np.bincount(m.ravel(), minlength=IGNORE + 1) for m in sample.masks])
    last = len(sample) - 1
    shown = min(MOST // max(1, planes), len(sample))
    rows = np.unique(np.linspace(0, last, shown).round().astype(np.int64))
    images = (
        MaskedImage(draw_over(image, mask, colours), told, plane)
        for row in rows
        for told in [_told(sample.classes, colours, counts[row])]
        for plane, image, mask in _pictures(sample, int(row), colours.index(""))
    )
    *classes, ignored = _legend((*sample.classes, "ignored"), (*colours, ""), counts)
    left_out = ignored if ignored.images else None
    return Overlays(tuple(classes), tuple(images), len(sample), left_out, planes)


def _pictures(
    sample: SegmentationSample | VolumeSample, row: int, background: int
) -> Iterator[tuple[str, Pixels, Pixels]]:
    """The image of a row, or slices of its volume's first channel, each with its mask."""
    from acrank.data.volumes import VolumeSample

    if isinstance(sample, VolumeSample):
        given = (sample.images[row, 0], sample.masks[row], sample.spacing)
        yield from slices_of(*given, background, SIZE)
    else:
        yield "", sample.images[row], sample.masks[row]


def draw_over(image: Pixels, mask: Pixels, colours: Sequence[str]) -> str:
    """An image with its mask over it, as a ``data:`` URI.

    Args:
        image: (H, W) or (H, W, 3).
        mask: (H, W), indices into the colours; 255 is to be ignored.
        colours: of the classes, as ``#rrggbb``; those without one stay as they are.
    """
    from PIL import Image

    square = (SIZE, SIZE)
    picture = Image.fromarray(image).convert("RGBA").resize(square, Image.Resampling.BICUBIC)
    picture.alpha_composite(
        Image.fromarray(_layer(mask, colours)).resize(square, Image.Resampling.BOX)
    )
    return jpeg_uri(np.asarray(picture.convert("RGB")), sharp=True)


def _layer(mask: Pixels, colours: Sequence[str]) -> Pixels:
    """What is put over an image: RGBA, with translucent classes, their outlines and hatching."""
    from PIL import Image, ImageFilter

    side = _FINER * SIZE
    labels = Image.fromarray(mask).resize((side, side), Image.Resampling.NEAREST)
    around = 2 * _FINER + 1  # so that an outline is a pixel wide, inside its class
    low, high = (
        np.asarray(labels.filter(extreme(around)))
        for extreme in (ImageFilter.MinFilter, ImageFilter.MaxFilter)
    )
    values = np.asarray(labels)
    layer = _paints(colours)[values]
    layer[(low != high) & (layer[..., 3] > 0), 3] = 255
    return np.where((values == IGNORE)[..., None], _hatching(side), layer)


def _hatching(side: int) -> Pixels:
    """Oblique lines in two greys, so that one of them stands out on any image."""
    layer = np.zeros((side, side, 4), dtype=np.uint8)
    across = np.arange(side)
    line = (across[:, None] + across) % _PERIOD // _LINE
    for place, grey in enumerate((DARK_GREY, LIGHT_GREY)):
        layer[line == place] = *rgb(grey), _HATCHED
    return layer


def _paints(colours: Sequence[str]) -> Pixels:
    """By the value in a mask: red, green, blue and opacity."""
    paints = np.zeros((IGNORE + 1, 4), dtype=np.uint8)
    for label, colour in enumerate(colours):
        if colour:
            paints[label] = *rgb(colour), _FILL
    return paints


def _colours(classes: Sequence[str]) -> list[str]:
    """A colour for each class but the background: the one so called, or else the first."""
    background = classes.index("background") if "background" in classes else 0
    colours = list(class_colours(len(classes) - 1))
    colours.insert(background, "")
    return colours


def _legend(names: Sequence[str], colours: Sequence[str], counts: Counts) -> list[MaskClass]:
    """What is found of each class, and last of the pixels to be ignored."""
    total = int(counts.sum())
    labels = [*range(len(names) - 1), IGNORE]
    return [
        MaskClass(name, colour, _percent(int(found.sum()), total), int((found > 0).sum()))
        for name, colour, found in zip(names, colours, counts.T[labels], strict=True)
    ]


def _told(classes: Sequence[str], colours: Sequence[str], counts: Counts) -> str:
    """The classes of an image that are drawn, the largest first; the rest by their number."""
    present = [label for label, colour in enumerate(colours) if colour and counts[label]]
    present.sort(key=lambda label: -counts[label])
    total = int(counts.sum())
    told = [f"{classes[label]} {_percent(int(counts[label]), total)}" for label in present[:TOLD]]
    more = len(present) - len(told)
    return ", ".join([*told, *([f"{more} more"] if more else [])]) or "no class but background"


def _percent(part: int, whole: int) -> str:
    """A share with one decimal; what is there never reads as none, nor what is not all as all."""
    share = 100 * part / whole
    if 0 < share < 0.05:
        return "<0.1 %"
    return ">99.9 %" if 99.95 <= share < 100 else f"{share:.1f} %"
