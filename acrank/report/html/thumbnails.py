"""Small pictures of the images that a run drew, by class, to stand in a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from acrank.errors import DataError
from acrank.metrics.registry import CLASSIFICATION
from acrank.report.html.jpeg import jpeg_uri

if TYPE_CHECKING:
    from acrank.data import AnySample, AnyTarget, Sample
    from acrank.data.volumes import VolumeSettings
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
    return Gallery(overlays=make_overlays(sample))


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
    told = ranking.record.get("dataset") or {}
    drawing = _drawing(ranking)
    sample = _drawn(_opened(ranking, data, offline), drawing, told.get("sampled"))
    if sample.fingerprint != told.get("fingerprint"):
        raise DataError(
            f"The images of '{data}' are not those of the result: their fingerprint differs.",
            hint=f"Give the dataset as it was ('{told.get('name')}'), or leave --data out.",
        )
    return make_gallery(sample)


class _Drawing(NamedTuple):
    """How a run drew its sample."""

    samples: int
    batch_size: int
    seed: int
    image_size: int
    volumes: VolumeSettings


def _drawing(ranking: Ranking) -> _Drawing:
    # results from before there were other tasks do not tell the size, which only masks need
    config = {"image_size": 0} | (ranking.record.get("config") or {})
    names = [name for name in _Drawing._fields if name != "volumes"]
    numbers = {name: config[name] for name in names if isinstance(config.get(name), int)}
    if len(numbers) == len(names):
        return _Drawing(**numbers, volumes=_volume_settings(config))
    raise DataError(
        "The result does not say how its sample was drawn.", hint="Leave --data out: no images."
    )


def _volume_settings(config: Mapping[str, Any]) -> VolumeSettings:
    from acrank.data.volumes import VolumeSettings

    given = (config.get(name) for name in ("patch", "spacing", "window"))
    patch, spacing, window = (tuple(each) if isinstance(each, list) else None for each in given)
    return VolumeSettings(patch, spacing, window, config.get("patches", 1))


def _opened(ranking: Ranking, data: str, offline: bool) -> AnyTarget:
    from acrank.data import open_any

    task = (ranking.record.get("config") or {}).get("task")
    return open_any(data, task or CLASSIFICATION, offline=offline)[0]


def _drawn(target: AnyTarget, drawing: _Drawing, fewer: object) -> AnySample:
    from acrank.data import draw_any, draw_smaller

    sample = draw_any(target, *drawing)
    if isinstance(fewer, int) and drawing.batch_size <= fewer < len(sample):
        # a budget was interrupted
        sample = draw_smaller(sample, target, fewer, drawing.batch_size, drawing.seed)
    return sample


def _thumbnails(sample: Sample, rows: npt.NDArray[np.int64]) -> tuple[str, ...]:
    from acrank.data import Preprocessing

    geometry = Preprocessing((3, SIZE, SIZE), "bicubic", 1.0, "center", (0.5,) * 3, (0.5,) * 3)
    pixels = sample.part(np.sort(rows), ()).pixels(geometry)
    return tuple(jpeg_uri(image) for image in pixels.permute(0, 2, 3, 1).numpy())
