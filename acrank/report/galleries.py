"""Make galleries for pages: images of a run's sample by class, or with their masks.

A gallery is the blocks of a page's section. Each task names the function that makes one;
nothing but pixels is in the images, and no more of the sample is kept than these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from acrank.data.segmentation.classmap import IGNORE
from acrank.errors import DataError
from acrank.metrics.metric import CLASSIFICATION
from acrank.report.document import Block, Cell, Column, Image, Images, Row, Section, Table, Text
from acrank.report.figures.colours import class_colours
from acrank.report.figures.masks import jpeg_uri, painted
from acrank.tasks.registry import TASKS, loaded
from acrank.utils.visible import typed_line

if TYPE_CHECKING:
    from acrank.data import AnySample, Sample
    from acrank.data.segmentation import SegmentationSample
    from acrank.data.volumes import VolumeSample
    from acrank.results import Ranking

# Pixels along a side: of an image of a class, of one with a mask.
SIZE, MASKED_SIZE = 96, 160
# Of one class, of all classes together, and with masks: pages are sent by mail.
MOST_OF_CLASS, MOST, MOST_MASKED = 8, 96, 24
# Of the classes of an image, how many its description names.
TOLD = 3
MIND = "They are embedded in this file: consider who may see it."

Gallery = tuple[Block, ...]
Counts = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint8]


class Masked(NamedTuple):
    """A picture of a row of the sample, with its mask.

    Attributes:
        row: of the sample.
        name: what it is called.
        image: (H, W) or (H, W, 3).
        mask: classes, as in the sample.
    """

    row: int
    name: str
    image: Pixels
    mask: Pixels


def make_gallery(sample: AnySample) -> Gallery:
    """Make the gallery of a sample as its task defines it; where that fails, say so in a sentence.

    Args:
        sample: that a run has drawn.
    """
    try:
        gallery: Gallery = loaded(TASKS[sample.task].gallery)(sample)
    except Exception as error:  # another package's task, perhaps: the run's numbers stand
        return (Text(f"No images: the gallery of task {sample.task} failed: {typed_line(error)}."),)
    return gallery


def by_class(sample: Sample) -> Gallery:
    """Show images of each class, spread over the sample and cropped to a square."""
    shown = range(min(len(sample.classes), MOST))
    each = max(1, min(MOST_OF_CLASS, MOST // max(1, len(shown))))
    left_out = len(sample.classes) - len(shown)
    return (
        Text(f"Some of the images on which the models were scored, cropped to a square. {MIND}"),
        *(_class_images(sample, label, each) for label in shown),
        *([Text(f"{left_out} more classes are not shown.")] if left_out else []),
    )


def _class_images(sample: Sample, label: int, each: int) -> Section:
    from acrank.data import Preprocessing

    name, rows = sample.classes[label], np.flatnonzero(sample.held()[:, label])
    places = np.unique(np.linspace(0, len(rows) - 1, min(each, len(rows))).round())
    chosen = np.sort(rows[places.astype(np.int64)])
    geometry = Preprocessing((3, SIZE, SIZE), "bicubic", 1.0, "center", (0.5,) * 3, (0.5,) * 3)
    pixels = sample.part(chosen, ()).pixels(geometry).permute(0, 2, 3, 1).numpy()
    images = tuple(
        Image(jpeg_uri(image), f"Image {number} of class {name}")
        for number, image in enumerate(pixels, 1)
    )
    told = Text(f"{len(images)} of {len(rows)} drawn", small=True)
    return Section(name, f"class-{label}", (told, Images(images, SIZE)))


def with_masks(sample: SegmentationSample) -> Gallery:
    """Show images with their masks, spread over the sample and stretched to a square."""
    pictures = (
        Masked(row, f"Image {number} with its mask", sample.images[row], sample.masks[row])
        for number, row in enumerate(_spread(len(sample), MOST_MASKED), 1)
    )
    told = (
        "images that the models were scored on, stretched to a square, with their masks drawn over "
        "them"
    )
    return _masked(sample, pictures, told, ("pixels", "images"))


def with_labels(sample: VolumeSample) -> Gallery:
    """Show the slices of volumes with most foreground, with their labels."""
    from acrank.data.volumes.slices import PLANES, slices_of

    background = _background(sample.classes)

    def pictures() -> Iterator[Masked]:
        for number, row in enumerate(_spread(len(sample), MOST_MASKED // len(PLANES)), 1):
            given = (sample.images[row, 0], sample.masks[row], sample.spacing)
            for plane, image, mask in slices_of(*given, background, MASKED_SIZE):
                yield Masked(row, f"Volume {number}, {plane} slice, with its labels", image, mask)

    told = (
        "patches that the models were scored on, with their labels drawn over them: of each the "
        "slices along the three axes that show most of the objects (the patient's right is on the "
        "left; in sagittal slices, the front)"
    )
    return _masked(sample, pictures(), told, ("voxels", "volumes"), each=len(PLANES))


def _spread(count: int, most: int) -> list[int]:
    """Return evenly spread indices into a sequence, without repeats."""
    return sorted({round(p) for p in np.linspace(0, count - 1, min(most, count)).tolist()})


def _masked(
    sample: SegmentationSample | VolumeSample,
    pictures: Iterable[Masked],
    told: str,
    words: tuple[str, str],
    each: int = 1,
) -> Gallery:
    """Lay out a caption, the meaning of the colours, and the pictures.

    Args:
        sample: that a run has drawn.
        pictures: of some of it.
        told: which these are.
        words: what the sample consists of, and its parts: voxels of volumes.
        each: pictures of one row of the sample.
    """
    colours = _colours(sample.classes)
    counts = np.stack([np.bincount(m.ravel(), minlength=IGNORE + 1) for m in sample.masks])
    images = tuple(
        Image(
            jpeg_uri(painted(image, mask, colours, (MASKED_SIZE, MASKED_SIZE)), sharp=True),
            f"{name}: {_largest(sample.classes, colours, counts[row])}",
        )
        for row, name, image, mask in pictures
    )
    _, plural = words
    return (
        Text(f"Some of the {told}. {MIND}"),
        _legend(sample.classes, colours, counts, words),
        Text(f"{len(images) // each} of the sample's {len(sample)} {plural}", small=True),
        Images(images, MASKED_SIZE, each),
    )


def _background(classes: Sequence[str]) -> int:
    """Return the background class: the one of that name, or else the first."""
    return classes.index("background") if "background" in classes else 0


def _colours(classes: Sequence[str]) -> dict[int, str]:
    """Assign a colour to each class but the background."""
    drawn = [label for label in range(len(classes)) if label != _background(classes)]
    return dict(zip(drawn, class_colours(len(drawn)), strict=True))


def _legend(
    classes: Sequence[str], colours: Mapping[int, str], counts: Counts, words: tuple[str, str]
) -> Table:
    """Tabulate the share of each class, and of ignored pixels, in the whole sample."""
    small, large = words
    cells = [
        Cell(name, swatch=colours[label])
        if label in colours
        else Cell(f"{name} (left plain)", swatch="plain")
        for label, name in enumerate(classes)
    ]
    found = [*counts.T[: len(classes)]]
    if counts[:, IGNORE].any():
        cells.append(Cell(f"{small} to ignore (hatched)", swatch="hatched"))
        found.append(counts[:, IGNORE])
    total = int(counts.sum())
    rows = (
        Row((cell, _percent(int(each.sum()), total), f"{(each > 0).sum()} of {len(counts)}"))
        for cell, each in zip(cells, found, strict=True)
    )
    columns = Column("class", words=True), Column(f"share of {small}"), Column(f"in {large}")
    return Table("Classes of the masks", columns, tuple(rows))


def _largest(classes: Sequence[str], colours: Mapping[int, str], counts: Counts) -> str:
    """Name the largest drawn classes of an image, and count the others."""
    present = sorted((k for k in colours if counts[k]), key=lambda label: -counts[label])
    total = int(counts.sum())
    told = [f"{classes[label]} {_percent(int(counts[label]), total)}" for label in present[:TOLD]]
    more = len(present) - len(told)
    return ", ".join([*told, *([f"{more} more"] if more else [])]) or "no class but background"


def _percent(part: int, whole: int) -> str:
    """Format a share; one that is not 0 or 100 % never reads as such."""
    share = 100 * part / whole
    if 0 < share < 0.05:
        return "<0.1 %"
    return ">99.9 %" if 99.95 <= share < 100 else f"{share:.1f} %"


def gallery_again(ranking: Ranking, data: str, *, offline: bool = False) -> Gallery:
    """Draw the sample of a finished run again from its dataset, and make its gallery.

    Args:
        ranking: of the run.
        data: the dataset, in any form that ``acrank score --data`` takes.
        offline: make no request.

    Raises:
        DataError: the data cannot be used, or are not those of the run.
    """
    from acrank.data import Drawing, open_any

    told, config = (ranking.record.get(name) or {} for name in ("dataset", "config"))
    drawing = Drawing.of(config)
    task = config.get("task") or CLASSIFICATION
    target = open_any(data, task, offline=offline, window=drawing.window)
    sample, fewer = target.draw(drawing), told.get("sampled")
    if isinstance(fewer, int) and drawing.batch_size <= fewer < len(sample):
        # a budget was interrupted
        sample = target.smaller(sample, drawing._replace(samples=fewer))
    if sample.fingerprint != told.get("fingerprint"):
        raise DataError(
            f"The images of '{data}' are not those of the result: their fingerprint differs.",
            hint=f"Give the dataset as it was ('{told.get('name')}'), or leave --data out.",
        )
    return make_gallery(sample)
