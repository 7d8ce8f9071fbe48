"""Small pictures of the images that a run drew, by class, to stand in a page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from acrank.errors import DataError

if TYPE_CHECKING:
    from acrank.data import Sample, Target
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
    """Images by class.

    Attributes:
        classes: those shown.
        left_out: how many more there are.
    """

    classes: tuple[ClassImages, ...]
    left_out: int = 0


def make_gallery(sample: Sample) -> Gallery:
    """Thumbnails of a sample: spread over each class, cropped to a square as for a network.

    Args:
        sample: that a run has drawn.
    """
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
    from acrank.data import open_target

    told = ranking.record.get("dataset") or {}
    sample = _drawn(open_target(data, offline=offline), _drawing(ranking), told.get("sampled"))
    if sample.fingerprint != told.get("fingerprint"):
        raise DataError(
            f"The images of '{data}' are not those of the result: their fingerprint differs.",
            hint=f"Give the dataset as it was ('{told.get('name')}'), or leave --data out.",
        )
    return make_gallery(sample)


def _drawing(ranking: Ranking) -> tuple[int, int, int]:
    """How a run drew its sample: number of images, size of a batch, seed."""
    config = ranking.record.get("config") or {}
    samples, size, seed = (config.get(name) for name in ("samples", "batch_size", "seed"))
    if isinstance(samples, int) and isinstance(size, int) and isinstance(seed, int):
        return samples, size, seed
    raise DataError(
        "The result does not say how its sample was drawn.", hint="Leave --data out: no images."
    )


def _drawn(target: Target, drawing: tuple[int, int, int], fewer: object) -> Sample:
    from acrank.data import draw_sample, smaller_sample

    samples, size, seed = drawing
    sample = draw_sample(target, samples, size, seed)
    if isinstance(fewer, int) and size <= fewer < len(sample):  # a budget was interrupted
        sample = smaller_sample(sample, target, fewer, size, seed)
    return sample


def _thumbnails(sample: Sample, rows: npt.NDArray[np.int64]) -> tuple[str, ...]:
    from acrank.data import Preprocessing

    geometry = Preprocessing((3, SIZE, SIZE), "bicubic", 1.0, "center", (0.5,) * 3, (0.5,) * 3)
    pixels = sample.part(np.sort(rows), ()).pixels(geometry)
    return tuple(_uri(image) for image in pixels.permute(0, 2, 3, 1).numpy())


def _uri(pixels: npt.NDArray[np.uint8]) -> str:
    """A JPEG: what a file tells beside its pixels (who, where, when) is not in it."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=82, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
