"""Targets of every task: opened and sampled by what the data are, or are said to be."""

from __future__ import annotations

from acrank.data.draw import draw_sample, smaller_sample
from acrank.data.readers import open_target
from acrank.data.sample import Sample
from acrank.data.segmentation import (
    SegmentationSample,
    SegmentationTarget,
    draw_segmentation,
    is_segmentation,
    open_segmentation,
    smaller_segmentation,
)
from acrank.data.target import Target
from acrank.data.volumes import (
    VolumeSample,
    VolumeSettings,
    VolumeTarget,
    draw_volumes,
    is_volumes,
    open_volumes,
)

AnyTarget = Target | SegmentationTarget | VolumeTarget
AnySample = Sample | SegmentationSample | VolumeSample


def known_task(spec: str, task: str) -> str:
    """Which task a target is for, by names, and by a few of the files that may be masks.

    Args:
        spec: what the user gave.
        task: ``classification``, ``segmentation``, or ``auto`` to look at the data.

    Raises:
        DataError: it looks like images with masks, but not like pairs of both, or it may be
            class folders just as well.
    """
    if task != "auto":
        return task
    masks = is_segmentation(spec) or is_volumes(spec)
    return "segmentation" if masks else "classification"


def open_any(spec: str, task: str, *, offline: bool = False) -> tuple[AnyTarget, str]:
    """Open a target dataset and check it; say which task it is for.

    Args:
        spec: what the user gave.
        task: ``classification``, ``segmentation``, or ``auto`` to look at the data.
        offline: make no request.

    Raises:
        DataError: the data are missing, ill-formed or damaged.
        MissingExtraError: volumes without the packages for them.
    """
    if known_task(spec, task) == "segmentation":
        if is_volumes(spec):
            return open_volumes(spec), "segmentation"
        return open_segmentation(spec), "segmentation"
    return open_target(spec, offline=offline), "classification"


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
