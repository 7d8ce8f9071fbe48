"""Which task a sample is for."""

from __future__ import annotations

from acrank.config import RunConfig
from acrank.data import AnySample
from acrank.data.segmentation import SegmentationSample
from acrank.data.volumes import VolumeSample
from acrank.tasks.base import Task
from acrank.tasks.classification import Classification
from acrank.tasks.segmentation import Segmentation


def task_of(sample: AnySample, config: RunConfig) -> Task:
    """The task of a sample, with the settings of a run."""
    if isinstance(sample, VolumeSample):
        return Segmentation(config.decoder, sample.patch, config.pixels, layers=config.layers)
    if isinstance(sample, SegmentationSample):
        size = (sample.image_size, sample.image_size)
        return Segmentation(config.decoder, size, config.pixels, layers=config.layers)
    return Classification()
