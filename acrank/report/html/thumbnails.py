"""Small pictures of the images that a run drew, by class, to stand in a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from acrank.errors import DataError
from acrank.metrics.registry import CLASSIFICATION
from acrank.report.html.jpeg import jpeg_uri

if TYPE_CHECKING:
    from acrank.data import AnySample, Sample
    from acrank.data.segmentation import SegmentationSample
    from acrank.data.volumes import VolumeSample
    from acrank.report.html.overlays import Overlays
    from acrank.results import Ranking

# Pixels along a side; the page shows them at most so large.
SIZE = 96
# Of one class, and of all classes together: pages are sent by mail.
MOST_OF_CLASS = 8
MOST = 96


@dataclass(frozen=True)
class ClassImages:
    """Some images of a class.

    Attributes:
        name: of the class.
        drawn: how many images of it the sample has.
        images: some of them as ``data:`` URIs.
    """

    name: str
    drawn: int
    images: tuple[str, ...]


@dataclass(frozen=True)
class Gallery:
    """Images by class, or with their masks.

    Attributes:
        classes: those shown, where each image has one.
        left_out: how many more there are.
        overlays: images with their masks, where each pixel has a class.
    """

    classes: tuple[ClassImages, ...] = ()
    left_out: int = 0
    overlays: Overlays | None = None


def make_gallery(sample: AnySample) -> Gallery:
    """Thumbnails of a sample: by class, or with their masks over them.

    Args:
        sample: that a run has drawn.
    """
    from acrank.data import Sample
    from acrank.report.html.overlays import make_overlays

    if isinstance(sample, Sample):
        return _by_class(sample)
    return Gallery(overlays=make_overlays(cast("SegmentationSample | VolumeSample", sample)))


def _by_class(sample: Sample) -> Gallery:
    """Spread over each class, cropped to a square as for a network."""
    shown = range(min(len(sample.classes), MOST))
    each = max(1, min(MOST_OF_CLASS, MOST // max(1, len(shown))))
    found = []
    for label in shown:
        rows = np.flatnonzero(sample.labels == label)
        places = np.unique(np.linspace(0, len(rows) - 1, min(each, len(rows))).round())
        images = _thumbnails(sample, rows[places.astype(np.int64)])
        found.append(ClassImages(sample.classes[label], len(rows), images))
    return Gallery(tuple(found), len(sample.classes) - len(found))


def gallery_again(ranking: Ranking, data: str, *, offline: bool = False) -> Gallery:
    """Thumbnails of the sample of a finished run, drawn again from its dataset.

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


def _thumbnails(sample: Sample, rows: npt.NDArray[np.int64]) -> tuple[str, ...]:
    from acrank.data import Preprocessing

    geometry = Preprocessing((3, SIZE, SIZE), "bicubic", 1.0, "center", (0.5,) * 3, (0.5,) * 3)
    pixels = sample.part(np.sort(rows), ()).pixels(geometry)
    return tuple(jpeg_uri(image) for image in pixels.permute(0, 2, 3, 1).numpy())
