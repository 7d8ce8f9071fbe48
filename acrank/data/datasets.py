"""Targets of every task: opened and sampled by what the data are, or are said to be."""

from __future__ import annotations

from acrank.data.draw import draw_sample, smaller_sample
from acrank.data.images import Opening
from acrank.data.sample import Sample
from acrank.data.segmentation import (
    SegmentationSample,
    SegmentationTarget,
    draw_segmentation,
    smaller_segmentation,
)
from acrank.data.sources.registry import find_source, name_of_task
from acrank.data.target import Target
from acrank.data.volumes import (
    VolumeSample,
    VolumeSettings,
    VolumeTarget,
    draw_volumes,
)

AnyTarget = Target | SegmentationTarget | VolumeTarget
AnySample = Sample | SegmentationSample | VolumeSample


def known_task(spec: str, task: str) -> str:
    """Which task a target is for, by names, and by a few of the files that may be masks.

    Args:
        spec: what the user gave.
        task: ``classification``, ``segmentation``, or ``auto`` to look at the data.

    Raises:
        DataError: no data source recognises it, or which of several is meant cannot be told.
    """
    return name_of_task(find_source(spec, task)) if task == "auto" else task


def open_any(
    spec: str, task: str, *, offline: bool = False, window: tuple[float, float] | None = None
) -> tuple[AnyTarget, str]:
    """Open a target dataset and check it; say which task it is for.

    Args:
        spec: what the user gave.
        task: ``classification``, ``segmentation``, or ``auto`` to look at the data.
        offline: make no request.
        window: the lowest and the highest value that count, where pixels have units (DICOM).

    Raises:
        DataError: the data are missing, ill-formed or damaged.
        MissingExtraError: an optional package that reads them is missing.
    """
    source = find_source(spec, task)
    return source.open(spec, Opening(offline, window)), name_of_task(source)


def open_target(
    spec: str, *, offline: bool = False, window: tuple[float, float] | None = None
) -> Target:
    """Open a classification dataset and check each of its images.

    Args:
        spec: a folder of class folders (optionally under ``train/``), a CSV file (``path,label``),
            ``hfds/NAME`` or ``hfds/NAME:SPLIT``, or ``demo``; see :data:`SOURCES`.
        offline: make no request; of use for ``hfds/`` alone.
        window: see :func:`open_any`.

    Raises:
        DataError: the data are missing, ill-formed or damaged.
        MissingExtraError: ``hfds/`` without the package for it.
    """
    target, _ = open_any(spec, "classification", offline=offline, window=window)
    assert isinstance(target, Target)
    return target


def draw_any(
    target: AnyTarget,
    samples: int,
    batch_size: int,
    seed: int,
    image_size: int,
    volumes: VolumeSettings,
) -> AnySample:
    """Draw a sample; see :func:`draw_sample`, :func:`draw_segmentation`, :func:`draw_volumes`."""
    if isinstance(target, VolumeTarget):
        return draw_volumes(target, samples, batch_size, seed, volumes)
    if isinstance(target, SegmentationTarget):
        return draw_segmentation(target, samples, batch_size, seed, image_size)
    return draw_sample(target, samples, batch_size, seed)


def draw_smaller(
    whole: AnySample, target: AnyTarget, samples: int, batch_size: int, seed: int
) -> AnySample:
    """Draw fewer images from those of a sample."""
    if isinstance(whole, Sample):
        assert isinstance(target, Target)
        return smaller_sample(whole, target, samples, batch_size, seed)
    return smaller_segmentation(whole, target, samples, batch_size, seed)
